/**
 * A token bucket for each client network, in a table of bounded size.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { networkOf } from "../../base/client_address.ts";
import type { WebEnv } from "./context.ts";

/** How many clients one limiter remembers; beyond it the one seen longest ago is forgotten. */
const CAPACITY = 10_000;

/** How a bucket fills and empties. */
export interface RateLimitOptions {
  clock: Clock;
  /** Requests a quiet client may send at once. */
  burst: number;
  /** Requests a second it may go on with. */
  perSecond: number;
  /** Clients remembered; 10,000 when left out. */
  capacity?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Refused by a rate limit. The answer tells the client when to come back. */
export class RateLimited extends AppError {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    const seconds = Math.ceil(retryAfterMs / SECOND);
    super("limit", `too many requests from your address; try again in ${seconds} s`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Counts requests by key. */
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

/** Lets a request pass while its client's network has tokens left. */
export function limitRate(limit: RateLimit): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const wait = limit.take(networkOf(c.get("clientAddress")));
    if (wait > 0) throw new RateLimited(wait);
    await next();
  };
}
