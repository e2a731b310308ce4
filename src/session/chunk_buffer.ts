/**
 * Gathering small chunks into one large write. Two blocks of memory take turns: one gathers while the other is written.
 * @module
 */

const SMALLEST = 4 * 1024;
/** A session at rest keeps no more than this in each block; one whose output floods, or may at once again, so much. */
const KEPT_AT_REST = 16 * 1024, KEPT_IN_FLOOD = 128 * 1024;
/** So many small takes in a row mean that a flood is over. While it lasts a log's few lines come between. */
const CALM = 8;
const EMPTY = new Uint8Array();

/** A growing buffer that is taken as a whole. */
export class ChunkBuffer {
  #gathering: Uint8Array = EMPTY;
  #other: Uint8Array = EMPTY;
  #length = 0;
  #calm = 0;

  /** Bytes gathered and not taken. */
  get length(): number {
    return this.#length;
  }

  /** Copies `chunk`; the caller may reuse it at once. */
  push(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#gathering.length) this.#grow(needed);
    this.#gathering.set(chunk, this.#length);
    this.#length = needed;
  }

  /** All that was gathered. It stays unchanged until the next call of `take` or `rest`. */
  take(): Uint8Array {
    const taken = this.#gathering.subarray(0, this.#length);
    [this.#gathering, this.#other] = [this.#other, this.#gathering];
    this.#calm = this.#length > KEPT_AT_REST ? 0 : this.#calm + 1;
    this.#length = 0;
    return taken;
  }

  /** Nothing more comes for now: gives up memory that only a flood of output needs, once that is over. */
  rest(): void {
    const kept = this.#calm < CALM ? KEPT_IN_FLOOD : KEPT_AT_REST;
    if (this.#other.length > kept) this.#other = EMPTY;
    if (this.#gathering.length > kept && this.#length === 0) this.#gathering = EMPTY;
  }

  #grow(needed: number): void {
    let size = Math.max(SMALLEST, this.#gathering.length);
    while (size < needed) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.#gathering.subarray(0, this.#length));
    this.#gathering = larger;
  }
}
