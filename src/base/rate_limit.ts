/**
 * How often something may happen: token buckets by key, in a table of bounded size.
 * @module
 */
import type { Clock } from "./clock.ts";
import { SECOND } from "./duration.ts";

/** How many keys one limiter remembers; beyond it the one seen longest ago is forgotten. */
const CAPACITY = 10_000;

/** So many in a period, and so many at once after a quiet time. */
export interface RateRule {
  periodMs: number;
  average: number;
  burst: number;
}

/** How a bucket fills and empties. */
export interface RateLimitOptions {
  clock: Clock;
  /** How often a quiet key may come at once. */
  burst: number;
  /** How often a second it may go on. */
  perSecond: number;
  /** Keys remembered; 10,000 when left out. */
  capacity?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** One rule. */
export class RateLimit {
  readonly #options: Required<RateLimitOptions>;
  /** Kept in order of last use: a Map iterates in insertion order and every use inserts anew. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = { capacity: CAPACITY, ...options };
  }

  /** How many keys are remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token of `key`. Gives 0 when there was one, else the milliseconds until there will be. */
  take(key: string): number {
    const { burst, perSecond, capacity, clock } = this.#options;
    const now = clock.now();
    const before = this.#buckets.get(key) ?? { tokens: burst, at: now };
    // A clock set back must not drain a bucket.
    const elapsed = Math.max(0, now - before.at) / SECOND;
    const tokens = Math.min(burst, before.tokens + elapsed * perSecond);
    const allowed = tokens >= 1;

    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > capacity) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return allowed ? 0 : Math.ceil((1 - tokens) / perSecond * SECOND);
  }
}

/** Several rules, all of which must allow what happens. */
export class RateLimits {
  readonly #limits: readonly RateLimit[];

  constructor(rules: readonly RateRule[], clock: Clock) {
    this.#limits = rules.map(({ periodMs, average, burst }) =>
      new RateLimit({ clock, burst, perSecond: average * SECOND / periodMs })
    );
  }

  /** Gives 0 when every rule allows it, else the milliseconds to wait. */
  take(key: string): number {
    return Math.max(0, ...this.#limits.map((limit) => limit.take(key)));
  }
}
