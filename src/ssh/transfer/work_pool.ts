/**
 * A bounded number of pieces of work at a time. Whoever adds one waits for a free place, so nothing piles up.
 * @module
 */

export class WorkPool {
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #failure: { error: unknown } | undefined;

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Starts `work` as soon as there is a place, and settles then.
   * @returns settles when the work is done; after a failure nothing starts any more
   * @throws the failure of earlier work
   */
  async start(work: () => Promise<void>): Promise<{ done: Promise<void> }> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#failure) {
      this.#release();
      throw this.#failure.error;
    }
    const done = work().catch((error: unknown) => {
      this.#failure ??= { error };
      throw error;
    }).finally(() => this.#release());
    done.catch(() => {}); // whoever waits sees it
    return { done };
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
