/**
 * A connection in memory: what is written into one end comes out of the other. Either direction may end first; an end that
 * is not read holds the other's writes back, and one that is destroyed breaks the other. Both ends lend and borrow
 * (`lending.ts`), so that bulk data passes without copies.
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { BORROW, type Borrower, LEND, type Lender } from "./lending.ts";

/** What may lie in one direction, in bytes. */
const HELD = 256 * 1024;

class End extends Duplex implements Lender, Borrower {
  peer: End | undefined;
  /** Takes what comes in the place of the stream. */
  #consumer: ((piece: Uint8Array) => boolean) | undefined;
  #ended = false;
  /** The peer's write that waits until more is wanted here. */
  #held: (() => void) | undefined;

  constructor() {
    super({ readableHighWaterMark: HELD, writableHighWaterMark: HELD });
  }

  /** As sockets have it. */
  setNoDelay(): void {}

  [LEND](consumer: (piece: Uint8Array) => boolean): () => void {
    this.#consumer = consumer;
    return () => {
      this.resume();
      this._read();
    };
  }

  /** At once, where the peer takes it at once; else as a copy. */
  [BORROW](piece: Uint8Array): boolean {
    const { peer } = this;
    if (peer && this.writable && this.writableLength === 0 && peer.#takes) return peer.#take(piece);
    return this.write(Buffer.from(piece));
  }

  /** Nothing that came before is left in the stream, nor waits; and it is not paused, as before its owner listens. */
  get #takes(): boolean {
    return this.#consumer !== undefined && !this.isPaused() && this.readableLength === 0 && !this.#held &&
      !this.destroyed;
  }

  /** @returns false when nothing more is wanted for now: then the writer hears of it by "drain" */
  #take(piece: Uint8Array): boolean {
    const { peer } = this;
    // Without the methods of Buffer, whose `slice` does not copy.
    const wanted = this.#consumer?.(new Uint8Array(piece.buffer, piece.byteOffset, piece.length)) !== false;
    if (!wanted) this.#held = () => peer?.emit("drain");
    return wanted;
  }

  override _read(): void {
    const release = this.#held;
    this.#held = undefined;
    release?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // Later, as on a network: never while the sender is still in the middle of its work.
    queueMicrotask(() => {
      const { peer } = this;
      if (!peer || peer.destroyed) return done();
      const wanted = peer.#takes
        ? peer.#consumer?.(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)) !== false
        : peer.push(chunk);
      if (wanted) done();
      else peer.#held = done;
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ended = true;
    queueMicrotask(() => this.peer?.push(null));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    if (!this.#ended) this.peer?.destroy();
    done(error);
  }
}

/** Makes the two ends. */
export function streamPair(): [Duplex, Duplex] {
  const [a, b] = [new End(), new End()];
  a.peer = b;
  b.peer = a;
  return [a, b];
}
