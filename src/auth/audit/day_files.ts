/**
 * The audit log's files: one for each UTC day, named as the manual has it.
 * @module
 */
import { DAY } from "../../base/duration.ts";

const NAME = /^(\d{4}-\d{2}-\d{2})\.00:00:00\.log$/;

/** One day's file. */
export interface DayFile {
  name: string;
  /** The day's first moment, milliseconds since the epoch. */
  start: number;
}

/** `2018-05-01.00:00:00.log` */
export function dayFileName(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 10)}.00:00:00.log`;
}

/** Those of a folder's names that are days of the log, the oldest first. */
export function dayFiles(names: readonly string[]): DayFile[] {
  return names.flatMap((name) => {
    const start = Date.parse(`${NAME.exec(name)?.[1]}T00:00:00Z`);
    return Number.isNaN(start) ? [] : [{ name, start }];
  }).sort((a, b) => a.start - b.start);
}

/** The first moment of a time's UTC day. */
export function dayStart(ms: number): number {
  return Math.floor(ms / DAY) * DAY;
}
