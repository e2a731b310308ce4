/**
 * Reads one packet field by field, every field checked against the end. Small and free of Node's modules, because the
 * server's process loads it at each start.
 * @module
 */
import { AppError } from "../../base/errors.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const MAX_SAFE_HIGH = 0x1fffff;

/** A number that does not fit: an offset or size beyond 2^53 - 1 bytes, which no file has. */
export const TOO_LARGE = Number.POSITIVE_INFINITY;

/** Every method throws AppError `bad_input` where the packet ends too early. */
export class PacketReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(count: number): number {
    if (count > this.remaining) throw new AppError("bad_input", "an sftp packet ends too early");
    const start = this.#at;
    this.#at += count;
    return start;
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** As a number, which is {@link TOO_LARGE} where it could not be exact. */
  uint64(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at);
    return high > MAX_SAFE_HIGH ? TOO_LARGE : high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  exactUint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** The bytes of a string: a view, not a copy. */
  string(): Uint8Array {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A string that must be UTF-8. */
  text(): string {
    return decodeText(this.string());
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.remaining));
  }
}

/** @throws {AppError} bad_input when the bytes are not UTF-8 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new AppError("bad_input", "a text in an sftp packet is not UTF-8");
    throw error;
  }
}
