/**
 * Numbers that look random and come again with the same seed.
 * @module
 */

/** Marsaglia's xorshift32 behind a mixed seed. */
export class Random {
  #state: number;

  /** @param parts together they make the seed */
  constructor(...parts: number[]) {
    let state = 0x9e3779b9;
    for (const part of parts) state = Math.imul(state ^ part, 0x85ebca6b) ^ state >>> 13;
    this.#state = state | 1;
  }

  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % Math.max(bound, 1);
  }

  /** True once in so many times. */
  once(inSoMany: number): boolean {
    return this.below(inSoMany) === 0;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("there is nothing to pick from");
    return picked;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}
