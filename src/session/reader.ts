/**
 * Reading a recording back as what the terminal showed and when, wherever the two files are. Reads ahead a little and
 * holds little: a recording may be of any length.
 * @module
 */
import { AppError } from "../base/errors.ts";
import { LogParser } from "./log_parser.ts";
import { type EventEntry, type LogEntry, MAX_PRINT, type RecordingPart } from "./recording_format.ts";
import type { SealCheck } from "./seal.ts";

/** How much is asked for at once; a source may give less. */
export const READ_SIZE = 256 * 1024;

/** Ranged reads of both files: from a disk, or through the API. */
export interface RecordingSource {
  /** Up to `length` bytes from `offset` on; none only at the end. */
  read(part: RecordingPart, offset: number, length: number): Promise<Uint8Array>;
}

/** The size of the recorded terminal, in characters. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/** A moment of a recording: `ms` counts from its first output and never goes back. */
export type RecordingFrame = { ms: number; data: Uint8Array } | { ms: number; resize: TerminalSize };

/** What one pass over the log tells. */
export interface RecordingSummary {
  /** Milliseconds from the first output to the last. */
  duration: number;
  /** Output in bytes. */
  bytes: number;
  /** Lines of the log. */
  events: number;
  /** The terminal at the start, if the recording tells. */
  size: TerminalSize | undefined;
  /** False while the session runs. */
  complete: boolean;
}

/**
 * Plays back a recording, as fast as it is asked for.
 * @param check looks at everything before it is given out
 * @throws {AppError} bad_input naming the place, when the files are damaged or do not fit each other
 */
export async function* readRecording(
  source: RecordingSource,
  check?: SealCheck,
): AsyncGenerator<RecordingFrame> {
  const bytes = new PartReader(source, "bytes");
  const times = new Timeline();
  for await (const entry of readLog(source)) {
    const ms = times.at(entry);
    if (entry.kind === "event") {
      check?.next(entry);
      const resize = terminalSize(entry);
      if (resize) yield { ms, resize };
      continue;
    }
    if (entry.bytes > MAX_PRINT) {
      throw new AppError(
        "bad_input",
        `print ${entry.ci} of the session log is longer than any that is recorded`,
      );
    }
    const pieces: Uint8Array[] = [];
    for (let left = entry.bytes; left > 0;) {
      const data = await bytes.next(left);
      if (!data) {
        const end = entry.offset + entry.bytes - left;
        throw new AppError(
          "bad_input",
          `the recorded output ends at byte ${end}, within print ${entry.ci}, event ${entry.ei} of the session log`,
        );
      }
      left -= data.length;
      pieces.push(data);
    }
    check?.next(entry, pieces);
    for (const data of pieces) yield { ms, data };
  }
}

/** The lines of a recording's log. @throws {AppError} bad_input naming the line, when it is damaged */
export async function* readLog(source: RecordingSource): AsyncGenerator<LogEntry> {
  const log = new PartReader(source, "log");
  const parser = new LogParser();
  for (let piece = await log.next(READ_SIZE); piece; piece = await log.next(READ_SIZE)) {
    for (const { entry } of parser.push(piece)) yield entry;
  }
}

/** A quick look at a whole recording: reads the log only. @throws {AppError} bad_input when the log is damaged */
export async function summarizeRecording(source: RecordingSource): Promise<RecordingSummary> {
  const summary: RecordingSummary = { duration: 0, bytes: 0, events: 0, size: undefined, complete: false };
  for await (const entry of readLog(source)) {
    summary.events++;
    if (entry.kind === "print") {
      summary.duration = entry.ms;
      summary.bytes += entry.bytes;
    } else {
      summary.size ??= terminalSize(entry);
      summary.complete = entry.event === "session.end";
    }
  }
  return summary;
}

/** Reads one part from its start, one read ahead of what is asked for. */
class PartReader {
  readonly #source: RecordingSource;
  readonly #part: RecordingPart;
  #offset = 0;
  #piece: Uint8Array = new Uint8Array();
  #ahead: Promise<Uint8Array> | undefined;

  constructor(source: RecordingSource, part: RecordingPart) {
    this.#source = source;
    this.#part = part;
  }

  /** At least one byte and at most `length`; nothing at the end. */
  async next(length: number): Promise<Uint8Array | undefined> {
    if (this.#piece.length === 0) {
      this.#piece = await (this.#ahead ?? this.#source.read(this.#part, this.#offset, READ_SIZE));
      this.#ahead = undefined;
      if (this.#piece.length === 0) return undefined;
      this.#offset += this.#piece.length;
      this.#ahead = this.#source.read(this.#part, this.#offset, READ_SIZE);
      // Reported when it is asked for, which may be never.
      this.#ahead.catch(() => {});
    }
    const data = this.#piece.subarray(0, length);
    this.#piece = this.#piece.subarray(data.length);
    return data;
  }
}

/** Places events between prints: only prints count milliseconds, the others tell the time of day. */
export class Timeline {
  #start: number | undefined;
  #ms = 0;

  at(entry: LogEntry): number {
    const time = Date.parse(entry.time);
    if (entry.kind === "print") this.#start ??= time - entry.ms;
    const ms = entry.kind === "print" ? entry.ms : time - (this.#start ?? time);
    this.#ms = Math.max(this.#ms, ms);
    return this.#ms;
  }
}

/** The size an event tells. A recording with a size nobody can read still plays. */
function terminalSize({ event, fields }: EventEntry): TerminalSize | undefined {
  if (event !== "session.start" && event !== "resize") return undefined;
  const match = /^(\d{1,4}):(\d{1,4})$/.exec(String(fields.size));
  const columns = Number(match?.[1]);
  const rows = Number(match?.[2]);
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}
