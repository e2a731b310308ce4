/**
 * Answers that are not what was hoped for, as errors of ours.
 * @module
 */
import { AppError, type ErrorCode } from "../../base/errors.ts";
import { shownName } from "../transfer/file_name.ts";
import { Status } from "./protocol.ts";
import type { Response } from "./response.ts";

const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [Status.NO_SUCH_FILE, "not_found"],
  [Status.PERMISSION_DENIED, "access_denied"],
  [Status.BAD_MESSAGE, "bad_input"],
  [Status.NO_CONNECTION, "closed"],
  [Status.CONNECTION_LOST, "closed"],
  [Status.OP_UNSUPPORTED, "unsupported"],
]);

const TEXTS: ReadonlyMap<number, string> = new Map([
  [Status.OK, "the server said that it went well and gave no result"],
  [Status.EOF, "unexpected end of file"],
  [Status.NO_SUCH_FILE, "no such file or directory"],
  [Status.PERMISSION_DENIED, "permission denied"],
  [Status.OP_UNSUPPORTED, "the server cannot do that"],
]);
const MAX_MESSAGE = 256;

/** An answer of the server that is no success. */
export class SftpStatusError extends AppError {
  constructor(readonly status: number, what: string, message: Uint8Array) {
    const told = shownName(new TextDecoder().decode(message.subarray(0, MAX_MESSAGE)));
    super(
      CODES.get(status) ?? "unavailable",
      `cannot ${what}: ${TEXTS.get(status) ?? (told || `status ${status}`)}`,
    );
  }
}

/** @throws {AppError} unless the answer says that it went well */
export function succeeded(what: string, response: Response): void {
  if (response.type !== "status" || response.status !== Status.OK) throw unexpected(what, response);
}

/** The error for an answer that is not the wanted one. */
export function unexpected(what: string, response: Response): AppError {
  if (response.type === "status") return new SftpStatusError(response.status, what, response.message);
  return new AppError("bad_input", `cannot ${what}: the server's answer does not fit the question`);
}
