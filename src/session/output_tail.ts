/**
 * The last of a session's output, for those who join it: enough for any screen, and of what came before it the modes
 * that still hold.
 * @module
 */
import { PrivateModes } from "./private_modes.ts";

const SMALLEST = 4 * 1024;
/** Far more than a screen with all its colours. */
export const TAIL = 128 * 1024;

export class OutputTail {
  #ring = new Uint8Array(0);
  /** Where the next byte goes. */
  #at = 0;
  #length = 0;
  /** Of everything that the ring has lost. */
  readonly #before = new PrivateModes();

  /** Adds output; the memory may be lent. */
  push(output: Uint8Array): void {
    let piece = output;
    const needed = this.#length + piece.length;
    if (needed > this.#ring.length && this.#ring.length < TAIL) this.#grow(Math.min(needed, TAIL));
    if (piece.length > TAIL) {
      this.#forget(this.#length);
      const lost = piece.length - TAIL;
      this.#before.scan(piece.subarray(0, lost));
      piece = piece.subarray(lost);
    }
    const lost = this.#length + piece.length - this.#ring.length;
    if (lost > 0) this.#forget(lost);
    const first = Math.min(piece.length, this.#ring.length - this.#at);
    this.#ring.set(piece.subarray(0, first), this.#at);
    this.#ring.set(piece.subarray(first), 0);
    this.#at = (this.#at + piece.length) % this.#ring.length || 0;
    this.#length += piece.length;
  }

  #forget(count: number): void {
    for (const part of this.#parts(count)) this.#before.scan(part);
    this.#length -= count;
  }

  /** The oldest `count` bytes, in order. */
  #parts(count: number): Uint8Array[] {
    const size = this.#ring.length;
    if (size === 0) return [];
    const start = (this.#at - this.#length + size) % size;
    const first = Math.min(count, size - start);
    return [this.#ring.subarray(start, start + first), this.#ring.subarray(0, count - first)];
  }

  #grow(needed: number): void {
    let size = Math.max(SMALLEST, this.#ring.length);
    while (size < needed) size *= 2;
    const ring = new Uint8Array(size);
    let at = 0;
    for (const part of this.#parts(this.#length)) {
      ring.set(part, at);
      at += part.length;
    }
    this.#ring = ring;
    this.#at = at % size;
  }

  /** A copy of what is there. */
  bytes(): Uint8Array {
    const copy = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts(this.#length)) {
      copy.set(part, at);
      at += part.length;
    }
    return copy;
  }

  /** What sets a terminal to the modes that held before {@linkcode bytes}. */
  modesBefore(): string {
    return this.#before.sequence();
  }

  /** The modes that hold now. */
  modes(): PrivateModes {
    const modes = this.#before.copy();
    for (const part of this.#parts(this.#length)) modes.scan(part);
    return modes;
  }
}
