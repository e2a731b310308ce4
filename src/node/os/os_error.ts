/**
 * Failures of the operating system as the product's one error type.
 * @module
 */
import { AppError, type ErrorCode } from "../../base/errors.ts";
import { textAt } from "./c_memory.ts";
import { libc } from "./libc.ts";

const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [1, "access_denied"], // EPERM
  [2, "not_found"], // ENOENT
  [7, "limit"], // E2BIG
  [11, "limit"], // EAGAIN: too many processes
  [12, "limit"], // ENOMEM
  [13, "access_denied"], // EACCES
  [20, "not_found"], // ENOTDIR
  [23, "limit"], // ENFILE
  [24, "limit"], // EMFILE
  [28, "limit"], // ENOSPC: no pty left
]);

/** The error number of the last failed call on this thread. Only meaningful straight after a call that failed. */
export function lastErrno(): number {
  const pointer = libc().__errno_location();
  return pointer === null ? 0 : new Deno.UnsafePointerView(pointer).getInt32();
}

/** An AppError saying that `action` failed, with the system's own words for `errno`. */
export function osError(action: string, errno: number = lastErrno()): AppError {
  const reason = textAt(libc().strerror(errno)) || "unknown reason";
  return new AppError(CODES.get(errno) ?? "internal", `cannot ${action}: ${reason} (errno ${errno})`);
}

/** Gives `result` back when it is not negative, as most calls answer on success; else throws {@link osError}. */
export function must(result: number, action: string): number {
  if (result < 0) throw osError(action);
  return result;
}
