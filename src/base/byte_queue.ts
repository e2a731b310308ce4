/**
 * Bytes that came in chunks and are taken in pieces: for length-prefixed protocols. A piece that lies within one chunk
 * is a view; nothing is copied but pieces that span chunks.
 * @module
 */
import { Buffer } from "node:buffer";

export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `count` bytes, which stay in the queue. There must be that many. */
  peek(count: number): Buffer {
    const first = this.#chunks[0];
    if (first && first.length >= count) return first.subarray(0, count);
    this.#chunks = [Buffer.concat(this.#chunks)];
    return (this.#chunks[0] ?? Buffer.alloc(0)).subarray(0, count);
  }

  /** Removes and returns the first `count` bytes. There must be that many. */
  take(count: number): Buffer {
    const piece = this.peek(count);
    const first = this.#chunks[0];
    if (first) {
      if (first.length === count) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(count);
    }
    this.#length -= count;
    return piece;
  }
}
