/**
 * The data types of the SSH protocol (RFC 4251 section 5): byte, uint32, uint64, string, mpint, name-list.
 * @module
 */
import { Buffer } from "node:buffer";
import { AppError } from "../base/errors.ts";

/** Builds a message field by field. */
export class WireWriter {
  #parts: Uint8Array[] = [];

  byte(value: number): this {
    this.#parts.push(Buffer.from([value]));
    return this;
  }

  boolean(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  uint32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value >>> 0);
    this.#parts.push(bytes);
    return this;
  }

  uint64(value: bigint): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64BE(value);
    this.#parts.push(bytes);
    return this;
  }

  /** A string: its length in bytes, then the bytes. Text is written as UTF-8. */
  string(value: Uint8Array | string): this {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
    this.uint32(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** A non-negative multiple precision integer, given as big-endian bytes. */
  mpint(value: Uint8Array): this {
    let bytes: Uint8Array = withoutLeadingZeros(value);
    if (bytes.length === 1 && bytes[0] === 0) bytes = bytes.subarray(1);
    if ((bytes[0] ?? 0) & 0x80) bytes = Buffer.concat([Buffer.from([0]), bytes]);
    return this.string(bytes);
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): this {
    this.#parts.push(value);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Reads a message field by field. Every read is checked against the end. */
export class WireReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  #take(count: number): number {
    if (count > this.remaining) throw new AppError("bad_input", "an SSH message ends too early");
    const start = this.#offset;
    this.#offset += count;
    return start;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  /** The bytes of a string: a view, not a copy. */
  string(): Buffer {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A string that must be valid UTF-8. */
  text(): string {
    try {
      return UTF8.decode(this.string());
    } catch (error) {
      if (error instanceof TypeError) {
        throw new AppError("bad_input", "a text in an SSH message is not UTF-8");
      }
      throw error;
    }
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#take(this.remaining));
  }

  /** Refuses bytes after the last field. */
  end(): void {
    if (this.remaining > 0) throw new AppError("bad_input", "an SSH message has bytes after its end");
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Big-endian bytes without leading zeros; at least one byte stays. */
export function withoutLeadingZeros(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
}

/** Big-endian bytes brought to exactly `length` bytes. */
export function padded(bytes: Uint8Array, length: number): Buffer {
  const stripped = withoutLeadingZeros(bytes);
  if (stripped.length > length) throw new AppError("bad_input", "a number in an SSH key is too large");
  return stripped.length === length
    ? stripped
    : Buffer.concat([Buffer.alloc(length - stripped.length), stripped]);
}
