/**
 * Making a recording whole that nobody ended: its host crashed, or its disk was full. Complete lines stay as they are,
 * output that no line speaks of gets one, and the log gets an end that says what happened.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { EventFields, EventValue } from "../model/event.ts";
import { LogParser } from "./log_parser.ts";
import { LogLines, type LogPosition } from "./log_lines.ts";
import { Chain, type Sealer } from "./seal.ts";
import { type LogEntry, partName, type PartSizes, type RecordingPart } from "./recording_format.ts";
import type { SpoolFiles } from "./spool_files.ts";

const READ = 256 * 1024;

/** What the end of an interrupted session tells again from its start. */
const KEPT_FIELDS = ["user", "login", "namespace", "server_id"] as const;

export interface Repair {
  files: SpoolFiles;
  directory: string;
  sid: string;
  /** Why the session has no end, for its last event. */
  reason: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** Signs the end of what was sealed until then. */
  sealer?(): Sealer;
}

export interface Repaired {
  /** What was good already: no server can have more. */
  good: PartSizes;
  /** What there is now. */
  sizes: PartSizes;
}

/**
 * Repairs a recording in place; a complete one stays as it is.
 * @throws {AppError} bad_input when the log is damaged otherwise than by being cut off
 */
export async function repairRecording(repair: Repair): Promise<Repaired> {
  const { files, directory, sid } = repair;
  const logPath = `${directory}/${partName(sid, "log")}`;
  const sizes = { bytes: await sizeOf(repair, "bytes"), log: await sizeOf(repair, "log") };
  const scan = await scanLog(repair, logPath, sizes.bytes);
  if (scan.end < sizes.log) await files.truncate(logPath, scan.end);
  const good = { bytes: sizes.bytes, log: scan.end };
  if (scan.ended && scan.position.offset === sizes.bytes) return { good, sizes: good };
  const ending = new TextEncoder().encode(await endingOf(repair, scan, sizes.bytes));
  await files.appendBytes(logPath, ending);
  return { good, sizes: { bytes: sizes.bytes, log: scan.end + ending.length } };
}

/** A crash may have come before the second file was made. */
async function sizeOf({ files, directory, sid }: Repair, part: RecordingPart): Promise<number> {
  const path = `${directory}/${partName(sid, part)}`;
  const info = await files.size(path);
  if (!info) await files.appendBytes(path, new Uint8Array());
  return info?.size ?? 0;
}

interface Scan {
  position: LogPosition;
  /** Where the last line ends that can stay. */
  end: number;
  /** Lines after it: they speak of output that is gone. */
  lost: number;
  /** The last line that stays is the session's end. */
  ended: boolean;
  /** Of the last line that stays, milliseconds since the epoch. */
  time: number | undefined;
  about: Record<string, EventValue>;
  /** The sum of the last line that stays; empty before the first one of a new log, absent where lines are not sealed. */
  sum: string | undefined;
}

async function scanLog({ files }: Repair, path: string, bytes: number): Promise<Scan> {
  const position = { ei: 0, ci: 0, offset: 0, ms: 0 };
  const scan: Scan = { position, end: 0, lost: 0, ended: false, time: undefined, about: {}, sum: "" };
  const parser = new LogParser();
  for (let at = 0;;) {
    const piece = await files.read(path, at, READ);
    if (piece.length === 0) return scan;
    at += piece.length;
    for (const { entry, end } of parser.push(piece)) {
      if (scan.lost > 0 || (entry.kind === "print" && entry.offset + entry.bytes > bytes)) scan.lost++;
      else keep(scan, entry, end);
    }
  }
}

function keep(scan: Scan, entry: LogEntry, end: number): void {
  scan.end = end;
  scan.sum = entry.sealed?.sum;
  scan.time = Date.parse(entry.time);
  scan.position.ei++;
  scan.ended = entry.kind === "event" && entry.event === "session.end";
  if (entry.kind === "print") {
    scan.position.ci++;
    scan.position.offset += entry.bytes;
    scan.position.ms = entry.ms;
  } else if (entry.event === "session.start") {
    for (const name of KEPT_FIELDS) {
      const value = entry.fields[name];
      if (value !== undefined) scan.about[name] = value;
    }
  }
}

async function endingOf(repair: Repair, scan: Scan, bytes: number): Promise<string> {
  const { files, directory, sid, reason, now, sealer } = repair;
  const { position, sum } = scan;
  const seal = sealer && sum !== undefined
    ? { chain: new Chain(sum), sid, sealer: () => sealer() }
    : undefined;
  const lines = new LogLines(position, seal);
  const path = `${directory}/${partName(sid, "bytes")}`;
  for (let at = position.offset; at < bytes;) {
    const unseen = await files.read(path, at, Math.min(READ, bytes - at));
    if (unseen.length === 0) throw new AppError("unavailable", `the output of session ${sid} became shorter`);
    lines.print(unseen, scan.time ?? now);
    at += unseen.length;
  }
  const end: EventFields = { ...scan.about, event: "session.end", sid, interrupted: true, error: reason };
  if (scan.lost > 0) end.lost_events = scan.lost;
  lines.event(end, now);
  return lines.take();
}
