/**
 * What a browser sends on a terminal's WebSocket, checked; see `model/web.ts`.
 * @module
 */
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import { isLogin, isUuid } from "../../model/name.ts";
import type { TerminalRequest } from "../../model/web.ts";

const MAX_TEXT = 4096;

const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const size = { w: whole(1, 4096), h: whole(1, 4096) };

const Message = v.variant("type", [
  v.object({
    type: v.literal("open"),
    token: v.pipe(v.string(), v.maxLength(256)),
    server_id: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
    login: v.pipe(v.string(), v.check(isLogin, "not a login")),
    term: v.object(size),
    sid: v.optional(v.pipe(v.string(), v.check(isUuid, "not a session's id"))),
    mode: v.optional(v.picklist(["peer", "observer"])),
  }),
  v.object({ type: v.literal("resize"), ...size }),
  v.object({ type: v.literal("ping"), id: whole(0, Number.MAX_SAFE_INTEGER) }),
  v.object({ type: v.literal("drawn"), bytes: whole(1, Number.MAX_SAFE_INTEGER) }),
]);

/** @throws {AppError} bad_input */
export function parseTerminalRequest(text: string): TerminalRequest {
  const read = text.length <= MAX_TEXT ? v.safeParse(Message, parseJson(text)) : undefined;
  if (!read?.success) throw new AppError("bad_input", "a message of the terminal is malformed");
  return read.output;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
