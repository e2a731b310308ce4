/**
 * What a server tells a client about the session on a terminal that it is in: its id, and the size that rules. It travels
 * as a channel request that wants no answer (RFC 4254 section 5.4), and only to a client that has asked for it by a
 * variable, since others know nothing of it.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { isUuid } from "../model/name.ts";
import { type WireReader, WireWriter } from "./wire.ts";

/** The variable by which a client asks for notices; its value does not matter. */
export const SESSION_NOTICES = "TELEPORT_SESSION_NOTICES";
/** The channel request's type. */
export const SESSION_NOTICE = "session-notice@teleport.com";

export interface SessionNotice {
  sid: string;
  columns: number;
  rows: number;
}

export function writeSessionNotice({ sid, columns, rows }: SessionNotice): Uint8Array {
  return new WireWriter().string(sid).uint32(columns).uint32(rows).bytes();
}

/** As large as our servers let a terminal become. What shows a screen makes room for all of its cells at once. */
const MAX_CELLS = 4096;

/** @throws {AppError} bad_input */
export function readSessionNotice(fields: WireReader): SessionNotice {
  const sid = fields.text();
  if (!isUuid(sid)) throw new AppError("bad_input", "the server tells of a session whose id is no uuid");
  const cells = () => Math.min(Math.max(1, fields.uint32()), MAX_CELLS);
  return { sid, columns: cells(), rows: cells() };
}
