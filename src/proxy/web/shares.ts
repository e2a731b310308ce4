/**
 * How much of something is in use, altogether and by each of those who use it.
 * @module
 */

export class Shares {
  readonly #used = new Map<string, number>();
  #size = 0;

  /** @param most of all together */
  constructor(readonly most: number) {}

  get size(): number {
    return this.#size;
  }

  /**
   * Takes one for all of these.
   * @param owners each with its own bound
   * @returns gives it back, once; undefined when there is no more for one of them
   */
  take(owners: readonly (readonly [owner: string, most: number])[]): (() => void) | undefined {
    if (this.#size >= this.most) return undefined;
    if (owners.some(([owner, most]) => (this.#used.get(owner) ?? 0) >= most)) return undefined;
    this.#add(owners, 1);
    let taken = true;
    return () => {
      if (taken) this.#add(owners, -1);
      taken = false;
    };
  }

  #add(owners: readonly (readonly [owner: string, most: number])[], by: number): void {
    this.#size += by;
    for (const [owner] of owners) {
      const used = (this.#used.get(owner) ?? 0) + by;
      if (used > 0) this.#used.set(owner, used);
      else this.#used.delete(owner);
    }
  }
}
