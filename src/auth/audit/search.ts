/**
 * Searching the audit log: only the files of the days that can hold what is wanted are read, line by line, and no more
 * than the answer is kept.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { DAY, SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { AuditEvent } from "../../model/event.ts";
import { type DayFile, dayFiles } from "./day_files.ts";
import type { LogFiles } from "./log_files.ts";

/** What an event must be like. */
export interface EventFilter {
  /** Names of events; any of them. */
  events?: readonly string[];
  /** Whose: the user that the event names, or who did it to another one. */
  user?: string;
  /** Found in some value of the event, in any case. */
  text?: string;
}

export interface EventSearch extends EventFilter {
  /** Milliseconds since the epoch, both included. */
  from?: number;
  to?: number;
  limit?: number;
  /**
   * `newest`: the newest, the newest first. `oldest`: the oldest, the oldest first. Left out, as `tail` does: the newest,
   * in the order of time.
   */
  order?: "newest" | "oldest";
}

/** Hosts report events late, after they were cut off: then those are in a later day's file. */
const LATE = DAY;
/** The caller waits 30 seconds. An answer that leaves something out without saying so would be worse than none. */
const MAX_MS = 20 * SECOND;
const LINES_BETWEEN_LOOKS = 4096;
const DEFAULT_LIMIT = 1000;

/** Whether an event fits a filter. */
export function eventFilter({ events, user, text }: EventFilter): (event: AuditEvent) => boolean {
  const names = events && new Set(events);
  const wanted = text?.toLowerCase();
  return (event) => {
    if (names && !names.has(event.event)) return false;
    if (user !== undefined && event.user !== user && event.by !== user) return false;
    return wanted === undefined ||
      Object.values(event).some((value) => String(value).toLowerCase().includes(wanted));
  };
}

/**
 * @param visible further says which events may be shown
 * @throws {AppError} limit when it takes too long
 */
export async function searchLog(
  { files, directories, clock }: { files: LogFiles; directories: readonly string[]; clock: Clock },
  query: EventSearch,
  visible: (event: AuditEvent) => boolean = () => true,
): Promise<AuditEvent[]> {
  const { from = 0, to = Infinity, limit = DEFAULT_LIMIT, order } = query;
  const fits = eventFilter(query);
  const deadline = clock.now() + MAX_MS;
  const days = await daysIn(files, directories, ({ start }) => start <= to + LATE && start + DAY > from);
  const found: AuditEvent[] = [];
  let lines = 0;

  const ofFile = async (path: string, room: number): Promise<AuditEvent[]> => {
    const events: AuditEvent[] = [];
    for await (const line of files.lines(path)) {
      if (++lines % LINES_BETWEEN_LOOKS === 0 && clock.now() > deadline) {
        throw new AppError("limit", "the search takes too long: name a shorter time (--from, --to)");
      }
      const event = parseEvent(line);
      if (!event) continue;
      const time = Date.parse(event.time);
      if (time < from || time > to || !fits(event) || !visible(event)) continue;
      events.push(event);
      if (order === "oldest") {
        if (events.length >= room) break;
      } else if (events.length >= 2 * room) {
        events.splice(0, events.length - room);
      }
    }
    return events.slice(-room);
  };

  const ofDay = async (paths: readonly string[], room: number): Promise<AuditEvent[]> => {
    const each: AuditEvent[][] = [];
    for (const path of paths) each.push(await ofFile(path, room));
    if (each.length === 1) return each[0] ?? []; // in the order in which they were written
    const events = each.flat().sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
    return order === "oldest" ? events.slice(0, room) : events.slice(-room);
  };

  for (const day of order === "oldest" ? days : days.reverse()) {
    if (found.length >= limit) break;
    const events = await ofDay(day, limit - found.length);
    if (order === "oldest") found.push(...events);
    else found.unshift(...events);
  }
  return order === "newest" ? found.reverse() : found;
}

/** The files of each day, the oldest day first. */
async function daysIn(
  files: LogFiles,
  directories: readonly string[],
  wanted: (day: DayFile) => boolean,
): Promise<string[][]> {
  const days = new Map<number, string[]>();
  for (const directory of directories) {
    for (const day of dayFiles(await files.names(directory)).filter(wanted)) {
      days.set(day.start, [...days.get(day.start) ?? [], `${directory}/${day.name}`]);
    }
  }
  return [...days].sort(([a], [b]) => a - b).map(([, paths]) => paths);
}

/** A line of the log, or undefined for one that was cut off by a crash. */
export function parseEvent(line: string): AuditEvent | undefined {
  try {
    const event = JSON.parse(line);
    return typeof event?.event === "string" && typeof event.time === "string" ? event : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
