/**
 * The one error type of the product. Its text says what failed, on what, and what to do next; its code lets programs
 * tell cases apart and survives a trip through the API.
 * @module
 */

/** Every kind of failure a caller may want to tell apart. The set is closed: add a code only with a caller for it. */
export type ErrorCode =
  | "bad_input" // the caller sent something malformed or out of range
  | "not_found"
  | "already_exists"
  | "access_denied" // we know who asks; they may not
  | "unauthenticated" // we do not know who asks
  | "conflict" // the thing changed meanwhile
  | "limit" // a bound was reached: try later
  | "unavailable" // a peer cannot be reached
  | "timeout"
  | "closed" // the connection, stream or process is gone
  | "unsupported"
  | "internal";

const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "bad_input",
  "not_found",
  "already_exists",
  "access_denied",
  "unauthenticated",
  "conflict",
  "limit",
  "unavailable",
  "timeout",
  "closed",
  "unsupported",
  "internal",
]);

/**
 * An expected failure.
 *
 * @example
 * ```ts
 * throw new AppError("not_found", `node "luna" is not known in this cluster; "tsh ls" lists the nodes`);
 * ```
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** True when `value` is one of the closed set of codes. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && CODES.has(value);
}

/** True when `error` is an AppError, of the given code if one is named. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the operating system says, without the runtime's number and call: `Is a directory`. */
export function osMessage(error: unknown): string {
  return messageOf(error).replace(/ \(os error \d+\).*$/s, "");
}
