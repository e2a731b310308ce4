/**
 * Requests that are served strictly one after the other, so that their answers come in their order (RFC 4254 sections 4
 * and 5.4) and a later one finds what an earlier one made.
 * @module
 */

/** One request. It answers by itself and never rejects. */
export type Serve = () => void | Promise<void>;

export class RequestLine {
  readonly #waiting: Serve[] = [];
  #busy = false;

  /** @param max how many may wait behind one that takes time */
  constructor(readonly max: number) {}

  /** What is added now has to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Serves at once when nobody waits, else in turn. @returns false when too many wait: nothing was done */
  add(serve: Serve): boolean {
    if (!this.#busy) this.#run(serve);
    else if (this.#waiting.length >= this.max) return false;
    else this.#waiting.push(serve);
    return true;
  }

  #run(serve: Serve | undefined): void {
    for (let next = serve; next; next = this.#waiting.shift()) {
      const done = next();
      if (!done) continue;
      this.#busy = true;
      done.then(() => {
        this.#busy = false;
        this.#run(this.#waiting.shift());
      });
      return;
    }
  }
}
