/**
 * A recording's output, fetched in parts as it is needed.
 * @module
 */

/** Fetches bytes of the output. */
export type FetchBytes = (offset: number, bytes: number) => Promise<Uint8Array>;

const PART = 1024 * 1024;
/** Parts that are kept; enough to look back a little without asking again. */
const KEPT = 16;

export class ByteSource {
  readonly #parts = new Map<number, Promise<Uint8Array>>();

  constructor(private readonly fetchBytes: FetchBytes, private readonly total: number) {}

  /** Bytes from `offset`; the next part is fetched meanwhile. */
  async read(offset: number, bytes: number): Promise<Uint8Array> {
    const first = Math.floor(offset / PART);
    const last = Math.floor((offset + Math.max(1, bytes) - 1) / PART);
    if ((last + 1) * PART < this.total) void this.#part(last + 1).catch(() => {}); // asked again when needed
    const found = new Uint8Array(bytes);
    let filled = 0;
    for (let index = first; index <= last; index++) {
      const part = await this.#part(index);
      const from = Math.max(0, offset - index * PART);
      const piece = part.subarray(from, from + bytes - filled);
      found.set(piece, filled);
      filled += piece.length;
    }
    return found.subarray(0, filled);
  }

  #part(index: number): Promise<Uint8Array> {
    const kept = this.#parts.get(index);
    if (kept) return kept;
    const part = this.fetchBytes(index * PART, Math.min(PART, this.total - index * PART));
    this.#parts.set(index, part);
    part.catch(() => this.#parts.delete(index));
    for (const oldest of this.#parts.keys()) {
      if (this.#parts.size <= KEPT) break;
      this.#parts.delete(oldest);
    }
    return part;
  }
}
