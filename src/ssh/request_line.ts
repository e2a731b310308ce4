/**
 * Requests that are served strictly one after the other, so that their answers come in their order (RFC 4254 sections 4
 * and 5.4) and a later one finds what an earlier one made.
 * @module
 */

/** One request. It answers by itself and never rejects. */
export type Serve = () => void | Promise<void>;

/** What those that wait may have in memory: the longest command, and all variables of an environment before it. */
const MAX_BYTES = 512 * 1024;

export class RequestLine {
  readonly #waiting: { serve: Serve; bytes: number }[] = [];
  #bytes = 0;
  #busy = false;

  /** @param max how many may wait behind one that takes time */
  constructor(readonly max: number) {}

  /** What is added now has to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Serves at once when nobody waits, else in turn.
   * @param bytes what the request holds in memory while it waits
   * @returns false when too many wait, or too much: nothing was done
   */
  add(serve: Serve, bytes = 0): boolean {
    if (!this.#busy) this.#run(serve);
    else if (this.#waiting.length >= this.max || this.#bytes + bytes > MAX_BYTES) return false;
    else {
      this.#waiting.push({ serve, bytes });
      this.#bytes += bytes;
    }
    return true;
  }

  #next(): Serve | undefined {
    const next = this.#waiting.shift();
    this.#bytes -= next?.bytes ?? 0;
    return next?.serve;
  }

  #run(serve: Serve | undefined): void {
    for (let next = serve; next; next = this.#next()) {
      const done = next();
      if (!done) continue;
      this.#busy = true;
      done.then(() => {
        this.#busy = false;
        this.#run(this.#next());
      });
      return;
    }
  }
}
