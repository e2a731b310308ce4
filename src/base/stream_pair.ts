/**
 * A connection in memory: what is written into one end comes out of the other. Either direction may end first; an end that
 * is not read holds the other's writes back, and one that is destroyed breaks the other.
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** What may lie in one direction, in bytes. */
const HELD = 256 * 1024;

class End extends Duplex {
  peer: End | undefined;
  #ended = false;
  #held: (() => void) | undefined;

  constructor() {
    super({ readableHighWaterMark: HELD, writableHighWaterMark: HELD });
  }

  /** As sockets have it. */
  setNoDelay(): void {}

  override _read(): void {
    const release = this.#held;
    this.#held = undefined;
    release?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const { peer } = this;
    // Later, as on a network: never while the sender is still in the middle of its work.
    queueMicrotask(() => {
      if (!peer || peer.destroyed || peer.push(Buffer.from(chunk))) done();
      else peer.#held = done;
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ended = true;
    queueMicrotask(() => this.peer?.push(null));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#held?.();
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
