/**
 * The audit log: JSON lines, one file a UTC day, as `<data_dir>/log/2018-05-01.00:00:00.log`. An event is acknowledged
 * after it is in the file.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { DAY } from "../../base/duration.ts";
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
/** A search reads at most this many events. */
const MAX_SEARCHED = 200_000;

export interface EventSearch {
  /** Milliseconds since the epoch. */
  from?: number;
  to?: number;
  events?: string[];
  limit?: number;
}

export class AuditLog {
  #pending: string[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #flushed: Promise<void> | undefined;

  constructor(readonly directory: string, readonly files: LogFiles, readonly clock: Clock) {}

  /** Writes an event, stamped with the time if it has none. Resolves once it is written. */
  emit(event: EventFields): Promise<void> {
    this.#pending.push(formatEvent({ time: eventTime(this.clock.now()), ...event }));
    // Events of one turn of the event loop share a write; writes follow each other in order, also after a failed one.
    this.#flushed ??= this.#flushing = this.#flushing.catch(() => {}).then(() => this.#flush());
    return this.#flushed;
  }

  async #flush(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    this.#flushed = undefined;
    if (lines.length > 0) await this.files.append(this.#pathOf(this.clock.now()), lines.join("\n") + "\n");
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
    for (const name of days) {
      const day = Date.parse(`${FILE_NAME.exec(name)?.[1]}T00:00:00Z`);
      if (day > to || day + DAY <= from) continue;
      for await (const line of this.files.lines(`${this.directory}/${name}`)) {
        if (++searched > MAX_SEARCHED) return found;
        const event = parseEvent(line);
        if (!event) continue;
        const time = Date.parse(event.time);
        if (time < from || time > to || query.events && !query.events.includes(event.event)) continue;
        found.push(event);
        if (found.length > limit) found.shift();
      }
    }
    return found;
  }
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
