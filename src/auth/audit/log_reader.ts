/**
 * Reading the audit log on from a place in it: what is written stays where it is, so that the log itself is the spool of
 * whoever passes it on.
 * @module
 */
import { type DayFile, dayFiles, dayStart } from "./day_files.ts";
import type { LogFiles } from "./log_files.ts";

/** A place between two lines. */
export interface LogPosition {
  /** The day's first moment, milliseconds since the epoch. */
  day: number;
  /** Bytes into the day's file. */
  offset: number;
}

/** Some lines, and the place after them. */
export interface LogPiece {
  lines: string[];
  end: LogPosition;
}

const PIECE_BYTES = 256 * 1024;
/** No event is as long: what has no end within so much is no line of ours. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 10;
const decoder = new TextDecoder();

export class LogReader {
  constructor(readonly directory: string, readonly files: LogFiles) {}

  /** The place after everything that is written. */
  async end(now: number): Promise<LogPosition> {
    const last = (await this.#days()).at(-1);
    return last ? { day: last.start, offset: await this.#size(last) } : { day: dayStart(now), offset: 0 };
  }

  /** The whole lines that follow a place, some of them; undefined when there are none yet. */
  async next(from: LogPosition): Promise<LogPiece | undefined> {
    for (const day of (await this.#days()).filter(({ start }) => start >= from.day)) {
      const offset = day.start === from.day ? from.offset : 0;
      const piece = await this.#piece(day, offset);
      if (piece) return piece;
      // What is left of this day, if anything, is a line that a crash has cut off, or one that is being written.
    }
    return undefined;
  }

  /** Bytes that follow a place. */
  async behind(from: LogPosition): Promise<number> {
    let bytes = 0;
    for (const day of await this.#days()) {
      if (day.start < from.day) continue;
      bytes += await this.#size(day) - (day.start === from.day ? from.offset : 0);
    }
    return Math.max(0, bytes);
  }

  async #piece(day: DayFile, offset: number): Promise<LogPiece | undefined> {
    const size = await this.#size(day);
    for (let length = PIECE_BYTES; offset < size; length = MAX_LINE_BYTES) {
      const data = await this.files.read(
        `${this.directory}/${day.name}`,
        offset,
        Math.min(length, size - offset),
      );
      const whole = data.lastIndexOf(NEWLINE) + 1;
      if (whole > 0) {
        const lines = decoder.decode(data.subarray(0, whole)).split("\n").filter((line) => line !== "");
        return { lines, end: { day: day.start, offset: offset + whole } };
      }
      if (data.length >= MAX_LINE_BYTES) {
        return { lines: [], end: { day: day.start, offset: offset + data.length } };
      }
      if (length === MAX_LINE_BYTES || data.length < length) return undefined;
    }
    return undefined;
  }

  async #days(): Promise<DayFile[]> {
    return dayFiles(await this.files.names(this.directory));
  }

  async #size({ name }: DayFile): Promise<number> {
    return (await this.files.size(`${this.directory}/${name}`))?.size ?? 0;
  }
}
