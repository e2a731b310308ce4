/**
 * Rate limits of requests, for each client network.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { networkOf } from "../../base/client_address.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { WebEnv } from "./context.ts";

/** Refused by a rate limit. The answer tells the client when to come back. */
export class RateLimited extends AppError {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    const seconds = Math.ceil(retryAfterMs / SECOND);
    super("limit", `too many requests from your address; try again in ${seconds} s`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Lets a request pass while its client's network has tokens left. */
export function limitRate(limit: { take(key: string): number }): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const wait = limit.take(networkOf(c.get("clientAddress")));
    if (wait > 0) throw new RateLimited(wait);
    await next();
  };
}
