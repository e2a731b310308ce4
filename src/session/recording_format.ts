/**
 * What a recorded session looks like on disk: `<sid>.session.bytes` holds the terminal's output as it was,
 * `<sid>.session.log` one JSON object per line. A `print` line tells when a run of those bytes appeared; every other line
 * is an event of the session. All carry `ei`, their place in the log, so a missing line shows.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { type EventFields, type EventValue, formatEvent } from "../model/event.ts";
import { isUuid } from "../model/name.ts";
import { splitSealed } from "./sealed_line.ts";

/** The two files of a recording. */
export type RecordingPart = "bytes" | "log";

/** A size, or an offset, in each of the two files. */
export interface PartSizes {
  bytes: number;
  log: number;
}

/** The longest line of a log, in bytes, without its line feed. */
export const MAX_LINE = 64 * 1024;

/** The most output one `print` line stands for; a longer run is cut into several. */
export const MAX_PRINT = 64 * 1024;

/** The file name of one part. @throws {AppError} bad_input when `sid` is not a uuid */
export function partName(sid: string, part: RecordingPart): string {
  if (!isUuid(sid)) throw new AppError("bad_input", "a session id must be a uuid");
  return `${sid}.session.${part}`;
}

/** What a line of a sealed recording is checked by; see `seal.ts`. */
export interface Sealed {
  /** The line without its sum. */
  body: string;
  sum: string;
}

/** A run of output. */
export interface PrintEntry {
  kind: "print";
  sealed?: Sealed;
  /** RFC 3339 with milliseconds. */
  time: string;
  bytes: number;
  /** Milliseconds since the first print of the session. */
  ms: number;
  /** Where its bytes begin. */
  offset: number;
  /** Its place among all lines, from 0. */
  ei: number;
  /** Its place among the prints, from 0. */
  ci: number;
}

/** Any other event of the session. */
export interface EventEntry {
  kind: "event";
  sealed?: Sealed;
  event: string;
  time: string;
  ei: number;
  fields: Readonly<Record<string, EventValue>>;
}

export type LogEntry = PrintEntry | EventEntry;

/** The line of a print, without a line feed. Written by hand: a session has one per screen update. */
export function formatPrint(print: Omit<PrintEntry, "kind" | "sealed">): string {
  return `{"time":"${print.time}","event":"print","bytes":${print.bytes},"ms":${print.ms},"offset":${print.offset},` +
    `"ei":${print.ei},"ci":${print.ci}}`;
}

/**
 * The line of any other event, with sorted keys and without a line feed.
 * @throws {AppError} limit when it is longer than a log's line may be
 */
export function formatSessionEvent(fields: EventFields, time: string, ei: number): string {
  const line = formatEvent({ ...fields, time, ei });
  if (line.length > MAX_LINE / 3 && new TextEncoder().encode(line).length > MAX_LINE) {
    throw new AppError("limit", `a ${fields.event} event is longer than ${MAX_LINE} bytes`);
  }
  return line;
}

/**
 * Reads one line, without its line feed.
 * @throws {AppError} bad_input when it is not a line this format has
 */
export function parseLine(line: string): LogEntry {
  const fields = parseFields(line);
  const { event, time } = fields;
  if (typeof event !== "string" || typeof time !== "string" || Number.isNaN(Date.parse(time))) {
    throw new AppError("bad_input", "a line of a session log needs an event and a time");
  }
  const ei = count(fields, "ei");
  const split = splitSealed(line);
  const sealed = split && { sealed: split };
  if (event !== "print") return { kind: "event", ...sealed, event, time, ei, fields };
  return {
    kind: "print",
    ...sealed,
    time,
    bytes: count(fields, "bytes"),
    ms: count(fields, "ms"),
    offset: count(fields, "offset"),
    ei,
    ci: count(fields, "ci"),
  };
}

function parseFields(line: string): Record<string, EventValue> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new AppError("bad_input", "a line of a session log is not JSON", { cause });
  }
  if (!isFields(value)) throw new AppError("bad_input", "a line of a session log is not a flat object");
  return value;
}

function isFields(value: unknown): value is Record<string, EventValue> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) =>
    typeof item === "string" || typeof item === "number" || typeof item === "boolean"
  );
}

function count(fields: Record<string, EventValue>, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new AppError("bad_input", `a line of a session log needs ${name} as a whole number`);
  }
  return value;
}
