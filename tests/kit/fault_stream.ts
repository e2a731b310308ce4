/**
 * Two connected streams in memory with faults between them: cut after so many bytes, one bit turned, delivered in small
 * pieces.
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** What happens to the bytes of one direction. Offsets count from its first byte. */
export interface Faults {
  /** Both ends break once this many bytes went through. */
  cutAfter?: number;
  /** This byte arrives with one bit turned. */
  flipAt?: number;
  /** From byte `from` on, data arrives in pieces of `size` bytes. */
  pieces?: { from: number; size: number };
}

class End extends Duplex {
  peer: End | undefined;
  #sent = 0;

  constructor(readonly faults: Faults) {
    super();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const { cutAfter = Infinity, flipAt = -1, pieces } = this.faults;
    const start = this.#sent;
    const data = Buffer.from(chunk.subarray(0, Math.max(0, cutAfter - start)));
    const flip = flipAt - start;
    if (flip >= 0 && flip < data.length) data[flip] = (data[flip] ?? 0) ^ 0x10;
    this.#sent += data.length;
    const size = pieces && start >= pieces.from ? pieces.size : data.length || 1;
    // As on a network, the other end sees it later: never while the sender is still in the middle of its work.
    queueMicrotask(() => {
      for (let at = 0; at < data.length; at += size) this.peer?.push(data.subarray(at, at + size));
      if (this.#sent >= cutAfter) {
        this.peer?.destroy();
        this.destroy();
      }
      done();
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    queueMicrotask(() => {
      this.peer?.push(null);
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { peer } = this;
    queueMicrotask(() => peer?.destroy());
    done(error);
  }
}

/**
 * Two ends of one connection.
 * @param there faults of what the first end writes
 * @param back faults of what the second end writes
 */
export function faultyPair(there: Faults = {}, back: Faults = {}): [Duplex, Duplex] {
  const [a, b] = [new End(there), new End(back)];
  a.peer = b;
  b.peer = a;
  return [a, b];
}
