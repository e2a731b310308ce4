/**
 * The audit log: JSON lines, one file a UTC day, as `<data_dir>/log/2018-05-01.00:00:00.log`. An event is acknowledged
 * after it is in the file. What cannot be written is told to whoever waits for it, and written late.
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { counter } from "../../base/metrics.ts";
import { type AuditEvent, type EventFields, eventTime, formatEvent } from "../../model/event.ts";
import { dayFileName } from "./day_files.ts";
import { LogDirectories } from "./log_directories.ts";
import type { LogFiles } from "./log_files.ts";
import { readOtherLogs } from "./other_logs.ts";
import { type EventSearch, searchLog } from "./search.ts";

/** Events that could not be written wait for the next write; beyond this, they are counted only. */
const MAX_KEPT = 10_000;
const NEWLINE = 10;

/** The events of all auth servers in one place. */
export interface EventTable {
  search(query: EventSearch, visible?: (event: AuditEvent) => boolean): Promise<AuditEvent[]>;
  /** Tells of the other auth servers' events. */
  follow(tell: (events: readonly AuditEvent[]) => void): Timer;
}

interface Pending {
  path: string;
  event: AuditEvent;
  /** Whoever reported it does so again after a failure. */
  reported: boolean;
}

export class AuditLog {
  #pending: Pending[] = [];
  #kept: AuditEvent[] = [];
  #lost = 0;
  #flushing: Promise<void> = Promise.resolve();
  #flushed: Promise<void> | undefined;
  /** The file that is known to end with a whole line. */
  #whole: string | undefined;
  readonly #readers = new Set<(events: readonly AuditEvent[]) => void>();

  readonly directories: LogDirectories;
  readonly #followers = new Set<(events: readonly AuditEvent[]) => void>();
  #others: Timer | undefined;
  /** Where the events of all auth servers come together, if they do; a search asks it, and not the files. */
  table: EventTable | undefined;

  /** @param sharer this host's id, where other auth servers write into the same directory */
  constructor(root: string, readonly files: LogFiles, readonly clock: Clock, sharer?: string) {
    this.directories = new LogDirectories(root, sharer);
  }

  /** Where this auth server writes. */
  get directory(): string {
    return this.directories.own;
  }

  /** Writes an event, stamped with the time if it has none. Resolves once it is written. */
  emit(event: EventFields): Promise<void> {
    return this.#add(event, false);
  }

  /** As {@linkcode emit}, for an event of a host that sends it again until it is acknowledged. */
  report(event: EventFields): Promise<void> {
    return this.#add(event, true);
  }

  #add(fields: EventFields, reported: boolean): Promise<void> {
    countEvent(fields);
    const now = this.clock.now();
    const event: AuditEvent = { event: fields.event, time: fields.time ?? eventTime(now) };
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) event[name] = value;
    this.#pending.push({ path: this.#pathOf(now), event, reported });
    // Events of one turn of the event loop share a write; writes follow each other in order, also after a failed one.
    this.#flushed ??= this.#flushing = this.#flushing.catch(() => {}).then(() => this.#flush());
    return this.#flushed;
  }

  async #flush(): Promise<void> {
    const days = Map.groupBy(this.#pending, ({ path }) => path);
    this.#pending = [];
    this.#flushed = undefined;
    const failures: unknown[] = [];
    for (const [path, entries] of days) {
      try {
        await this.#write(path, entries.map(({ event }) => event));
      } catch (error) {
        failures.push(error);
        this.#keep(entries.filter(({ reported }) => !reported).map(({ event }) => event));
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Appends events, after those that could not be written before. */
  async #write(path: string, fresh: readonly AuditEvent[]): Promise<void> {
    const [kept, lost] = [this.#kept, this.#lost];
    const events = [...kept.map((event) => ({ ...event, late: true })), ...fresh];
    if (lost > 0) {
      const time = eventTime(this.clock.now());
      events.unshift({ event: "events.lost", time, count: lost, reason: "the log could not be written" });
    }
    const text = events.map((event) => `${formatEvent(event)}\n`).join("");
    const cut = this.#whole !== path && await this.#endsWithin(path);
    this.#whole = undefined;
    await this.files.append(path, cut ? `\n${text}` : text);
    this.#whole = path;
    this.#kept = this.#kept.slice(kept.length);
    this.#lost -= lost;
    for (const read of this.#readers) read(events);
  }

  /** Whether a file ends within a line: a crash or a full disk has cut it off. */
  async #endsWithin(path: string): Promise<boolean> {
    const size = (await this.files.size(path))?.size ?? 0;
    return size > 0 && (await this.files.read(path, size - 1, 1))[0] !== NEWLINE;
  }

  #keep(events: readonly AuditEvent[]): void {
    const room = Math.max(0, MAX_KEPT - this.#kept.length);
    this.#kept.push(...events.slice(0, room));
    this.#lost += Math.max(0, events.length - room);
  }

  #pathOf(ms: number): string {
    return `${this.directory}/${dayFileName(ms)}`;
  }

  /** Tells of what this auth server writes, as soon as it is written. */
  onWritten(read: (events: readonly AuditEvent[]) => void): { stop(): void } {
    this.#readers.add(read);
    return { stop: () => void this.#readers.delete(read) };
  }

  /** As {@linkcode onWritten}; of other auth servers' events, too, a moment later. */
  follow(read: (events: readonly AuditEvent[]) => void): { stop(): void } {
    const own = this.onWritten(read);
    this.#followers.add(read);
    if (this.directories.sharer !== undefined) {
      const tell = (events: readonly AuditEvent[]) => this.#followers.forEach((follower) => follower(events));
      this.#others ??= this.table ? this.table.follow(tell) : readOtherLogs(this, tell);
    }
    return {
      stop: () => {
        own.stop();
        this.#followers.delete(read);
        if (this.#followers.size > 0) return;
        this.#others?.cancel();
        this.#others = undefined;
      },
    };
  }

  /** Matching events; see {@linkcode EventSearch} for their order. */
  async search(query: EventSearch, visible?: (event: AuditEvent) => boolean): Promise<AuditEvent[]> {
    if (this.table) return await this.table.search(query, visible);
    const { files, clock } = this;
    const directories = await this.directories.all(files);
    return await searchLog({ files, clock, directories }, query, visible);
  }

  /** Whether the events of another auth server can be found from here. */
  async knowsLogOf(server: string): Promise<boolean> {
    return this.table !== undefined || (await this.files.names(this.directories.root)).includes(server);
  }

  /** Waits until everything that was given is written or has failed. */
  async settled(): Promise<void> {
    await this.#flushing.catch(() => {}); // whoever gave it was told
  }
}

/** By event, and for those that can fail, by how it went. */
function countEvent({ event, success }: EventFields): void {
  const labels: Record<string, string> = typeof success === "boolean"
    ? { event, success: `${success}` }
    : { event };
  counter("teleport_audit_events_total", "Audit events that were written", labels).add();
}
