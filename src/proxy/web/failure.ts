/**
 * How a failure looks from outside: a status, a text, and when to come back.
 * @module
 */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { NotSignedIn } from "./not_signed_in.ts";
import { RateLimited } from "./rate_limit.ts";
import { BodyTooLarge } from "./request_body.ts";

/** What a client is told about a failure. */
export interface Failure {
  status: ContentfulStatusCode;
  message: string;
  /** Seconds for a Retry-After header. */
  retryAfter?: number;
}

/** For a throttled call where the auth service did not say for how long. */
const RETRY_SECONDS = 30;

/** Texts of failures that lie with us. Causes may name hosts and files, so they stay in the log. */
const BUSY = "the cluster cannot answer right now; try again in a moment";
const BROKEN = "something went wrong on the server; the administrator finds the cause in the proxy's log";

/** The outside view of anything a handler may throw. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof AppError)) return { status: 500, message: BROKEN };
  switch (error.code) {
    case "bad_input":
      return { status: error instanceof BodyTooLarge ? 413 : 400, message: error.message };
    case "unauthenticated":
      return { status: error instanceof NotSignedIn ? 401 : 403, message: error.message };
    case "access_denied":
      return { status: 403, message: error.message };
    case "not_found":
      return { status: 404, message: error.message };
    case "unsupported":
      return { status: 400, message: error.message };
    case "already_exists":
    case "conflict":
      return { status: 409, message: error.message };
    case "limit":
      return { status: 429, message: error.message, retryAfter: retrySeconds(error) };
    case "unavailable":
      return { status: 503, message: BUSY, retryAfter: RETRY_SECONDS };
    case "timeout":
      return { status: 504, message: BUSY, retryAfter: RETRY_SECONDS };
    default:
      return { status: 500, message: BROKEN };
  }
}

function retrySeconds(error: AppError): number {
  return error instanceof RateLimited ? Math.ceil(error.retryAfterMs / SECOND) : RETRY_SECONDS;
}
