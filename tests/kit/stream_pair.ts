/**
 * The two ends of a connection in memory. Either direction may end first, an end that is not read holds the other's writes
 * back, and one that is destroyed breaks the other.
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

class End extends Duplex {
  peer: End | undefined;
  #ended = false;
  #held: (() => void) | undefined;

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
      if (!peer || peer.push(Buffer.from(chunk))) done();
      else peer.#held = done;
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ended = true;
    queueMicrotask(() => this.peer?.push(null));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#ended) this.peer?.destroy();
    done(error);
  }
}

export function streamPair(): [Duplex, Duplex] {
  const [a, b] = [new End(), new End()];
  a.peer = b;
  b.peer = a;
  return [a, b];
}

/** Everything up to the end; unlike iteration, it leaves the other direction open. */
export function textOf(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.on("data", (chunk) => text += chunk);
    stream.once("end", () => resolve(text));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error(`broken after "${text.slice(0, 100)}"`)));
  });
}
