/**
 * The audit log: JSON lines, one file a UTC day, as `<data_dir>/log/2018-05-01.00:00:00.log`. An event is acknowledged
 * after it is in the file.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { DAY } from "../../base/duration.ts";
import { counter } from "../../base/metrics.ts";
import { type AuditEvent, type EventFields, eventTime, formatEvent } from "../../model/event.ts";

/** The files the log needs. */
export interface LogFiles {
  /** Appends to a file, which is created with mode 0640 if missing. */
  append(path: string, text: string): Promise<void>;
  /** The names in a folder; empty when it does not exist. */
  names(directory: string): Promise<string[]>;
  /** The lines of a file, one by one. */
  lines(path: string): AsyncIterable<string>;
}

const FILE_NAME = /^(\d{4}-\d{2}-\d{2})\.00:00:00\.log$/;
/** A search that has read this many events does not go back another day. */
const MAX_SEARCHED = 200_000;
/** Hosts report events late: after midnight, one is in the next day's file. */
const LATE = DAY;

export interface EventSearch {
  /** Milliseconds since the epoch. */
  from?: number;
  to?: number;
  events?: string[];
  limit?: number;
}

export class AuditLog {
  #pending: { path: string; line: string }[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #flushed: Promise<void> | undefined;

  constructor(readonly directory: string, readonly files: LogFiles, readonly clock: Clock) {}

  /** Writes an event, stamped with the time if it has none. Resolves once it is written. */
  emit(event: EventFields): Promise<void> {
    countEvent(event);
    const now = this.clock.now();
    const line = formatEvent({ ...event, time: event.time ?? eventTime(now) });
    this.#pending.push({ path: this.#pathOf(now), line });
    // Events of one turn of the event loop share a write; writes follow each other in order, also after a failed one.
    this.#flushed ??= this.#flushing = this.#flushing.catch(() => {}).then(() => this.#flush());
    return this.#flushed;
  }

  async #flush(): Promise<void> {
    const days = Map.groupBy(this.#pending, ({ path }) => path);
    this.#pending = [];
    this.#flushed = undefined;
    for (const [path, entries] of days) {
      await this.files.append(path, entries.map(({ line }) => `${line}\n`).join(""));
    }
  }

  #pathOf(ms: number): string {
    return `${this.directory}/${new Date(ms).toISOString().slice(0, 10)}.00:00:00.log`;
  }

  /** Matching events, the newest last; of more than `limit`, the newest. */
  async search(query: EventSearch): Promise<AuditEvent[]> {
    const to = query.to ?? Infinity;
    const from = query.from ?? 0;
    const limit = query.limit ?? 1000;
    const days = (await this.files.names(this.directory)).filter((name) => FILE_NAME.test(name)).sort();
    const found: AuditEvent[] = [];
    let searched = 0;
    for (const name of days.reverse()) {
      if (found.length >= limit || searched >= MAX_SEARCHED) break;
      const day = Date.parse(`${FILE_NAME.exec(name)?.[1]}T00:00:00Z`);
      if (day > to + LATE || day + DAY <= from) continue;
      const ofDay: AuditEvent[] = [];
      for await (const line of this.files.lines(`${this.directory}/${name}`)) {
        searched++;
        const event = parseEvent(line);
        if (!event) continue;
        const time = Date.parse(event.time);
        if (time < from || time > to || query.events && !query.events.includes(event.event)) continue;
        ofDay.push(event);
        if (ofDay.length > limit) ofDay.shift();
      }
      found.unshift(...ofDay);
    }
    return found.slice(-limit);
  }
}

/** By event, and for those that can fail, by how it went. */
function countEvent({ event, success }: EventFields): void {
  const labels: Record<string, string> = typeof success === "boolean"
    ? { event, success: `${success}` }
    : { event };
  counter("teleport_audit_events_total", "Audit events that were written", labels).add();
}

/** A line of the log, or undefined for one that was cut off by a crash. */
function parseEvent(line: string): AuditEvent | undefined {
  try {
    const event = JSON.parse(line);
    return typeof event?.event === "string" && typeof event.time === "string" ? event : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
