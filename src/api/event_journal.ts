/**
 * Events that wait for auth, on disk: appended while auth is away, so that a crash loses at most the last second of them.
 * The file has an event a line, and lines that say how many from the front have been delivered.
 * @module
 */
import type { Files } from "../base/files.ts";
import type { EventValue } from "../model/event.ts";

export type StampedEvent = Record<string, EventValue>;

/** The file. */
export interface EventSpool {
  /** Replaces its content as a whole. */
  save(text: string): Promise<void>;
  append(text: string): Promise<void>;
}

/** Longer than the events that may wait; what was delivered is left out when it gets there. */
const MAX_LINES = 60_000;

export class EventJournal {
  readonly #spool: EventSpool;
  /** Events from the front of the queue that are in the file. */
  #written = 0;
  #lines = 0;

  constructor(spool: EventSpool) {
    this.#spool = spool;
  }

  /** Brings the file up to date with the queue. */
  async write(queue: readonly StampedEvent[]): Promise<void> {
    if (this.#lines > MAX_LINES) return await this.rewrite(queue);
    const fresh = queue.slice(this.#written);
    if (fresh.length === 0) return;
    await this.#spool.append(fresh.map((event) => `${JSON.stringify(event)}\n`).join(""));
    this.#written = queue.length;
    this.#lines += fresh.length;
  }

  /** The file anew, with exactly these. */
  async rewrite(queue: readonly StampedEvent[]): Promise<void> {
    await this.#spool.save(queue.map((event) => `${JSON.stringify(event)}\n`).join(""));
    this.#written = this.#lines = queue.length;
  }

  /** Notes that the first `count` of the queue are delivered or given up; `left` remain in it. */
  async delivered(count: number, left: number): Promise<void> {
    if (this.#lines === 0) return;
    const known = Math.min(count, this.#written);
    this.#written -= known;
    if (left === 0) return await this.rewrite([]);
    if (known === 0) return;
    await this.#spool.append(`${JSON.stringify({ delivered: known })}\n`);
    this.#lines++;
  }
}

/** The events of a journal that are not delivered. A line that a crash has cut off is left out. */
export function readJournal(text: string): StampedEvent[] {
  const events: StampedEvent[] = [];
  let first = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    let value: StampedEvent;
    try {
      value = JSON.parse(line);
    } catch (error) {
      if (error instanceof SyntaxError) continue;
      throw error;
    }
    if (typeof value.delivered === "number" && value.event === undefined) first += value.delivered;
    else events.push(value);
  }
  return events.slice(first);
}

const FILE = "events.spool";
type JournalFiles = Pick<Files, "readText" | "writePrivate" | "append" | "remove">;

/** The journal of a run, in its folder. There is no file while nothing waits. */
export function eventSpool(files: JournalFiles, folder: string): EventSpool {
  const path = `${folder}/${FILE}`;
  return {
    save: (text) => text === "" ? files.remove(path) : files.writePrivate(path, text),
    append: (text) => files.append(path, text),
  };
}

/** Gives the events that another run has left in its folder to a queue. */
export async function adoptEvents(
  files: JournalFiles,
  folder: string,
  queue: { adopt(journal: string): Promise<void> },
): Promise<void> {
  const path = `${folder}/${FILE}`;
  const text = await files.readText(path);
  if (text === undefined) return;
  await queue.adopt(text);
  await files.remove(path);
}
