/**
 * Builds packets, one after another, in one buffer that grows as needed and is used again.
 * @module
 */

const encoder = new TextEncoder();

/** `begin`, the fields, `end`: any number of times; then `bytes` and `clear`. */
export class PacketWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  #start = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The bytes of all packets so far. */
  get length(): number {
    return this.#length;
  }

  /** A view of all packets so far, true until the next field is written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = this.#start = 0;
  }

  begin(type: number): this {
    this.#start = this.#length;
    this.#reserve(5);
    this.#length += 4;
    return this.byte(type);
  }

  /** Fills in the length of the packet begun last. */
  end(): void {
    this.#view.setUint32(this.#start, this.#length - this.#start - 4);
  }

  /** Forgets the packet begun last. */
  abandon(): void {
    this.#length = this.#start;
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#view.setUint8(this.#length, value);
    this.#length += 1;
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
    return this;
  }

  uint64(value: number | bigint): this {
    this.#reserve(8);
    if (typeof value === "bigint") {
      this.#view.setBigUint64(this.#length, value);
    } else {
      this.#view.setUint32(this.#length, Math.floor(value / 0x1_0000_0000));
      this.#view.setUint32(this.#length + 4, value >>> 0);
    }
    this.#length += 8;
    return this;
  }

  /** A string: its length in bytes, then the bytes. Text is written as UTF-8. */
  string(value: Uint8Array | string): this {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    return this.uint32(bytes.length).raw(bytes);
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Room for a string of up to `most` bytes, to be filled in place and finished with {@link filled}. */
  room(most: number): Uint8Array<ArrayBuffer> {
    this.#reserve(4 + most);
    return this.#bytes.subarray(this.#length + 4, this.#length + 4 + most);
  }

  /** Makes a string of the first `count` bytes of the room given last. */
  filled(count: number): this {
    this.uint32(count);
    this.#length += count;
    return this;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
