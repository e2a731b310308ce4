/**
 * Audit events on their way from a host to auth: kept in order, bounded, sent again after a broken connection.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { isAppError } from "../base/errors.ts";
import { type EventFields, eventTime, type EventValue } from "../model/event.ts";
import type { Caller } from "./client.ts";

const MAX_QUEUED = 20_000;
const BATCH = 200;
/** Far below the API's largest message. */
const MAX_BATCH_CHARACTERS = 512 * 1024;
/** The contract takes 16,384 characters; a longer value is cut, so that nobody escapes the log with a long command. */
const MAX_VALUE = 16_000;
const RETRY_MS = 1000;

/** Where events wait on disk when they cannot be sent before the process ends. */
export interface EventSpool {
  load(): Promise<string | undefined>;
  save(text: string): Promise<void>;
}

export class EventQueue {
  #queue: Record<string, EventValue>[] = [];
  #sending: Promise<void> | undefined;
  #lost = 0;
  #stopped = false;

  constructor(readonly api: Caller, readonly clock: Clock, readonly spool: EventSpool) {}

  /** How many events wait to be sent. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes up what an earlier process could not send. */
  async start(): Promise<void> {
    const text = await this.spool.load();
    if (!text) return;
    const lines = text.split("\n").filter((line) => line !== "");
    this.#queue.unshift(...lines.map((line) => JSON.parse(line)));
    await this.spool.save("");
    this.#kick();
  }

  /** Queues an event; it is stamped now and sent as soon as auth can be reached. */
  emit(event: EventFields): void {
    if (this.#queue.length >= MAX_QUEUED) {
      this.#lost++;
      return;
    }
    const stamped: EventFields = { time: eventTime(this.clock.now()), ...event };
    const fields = Object.entries(stamped)
      .filter((field): field is [string, EventValue] => field[1] !== undefined);
    this.#queue.push(Object.fromEntries(fields.map(([name, value]) => [name, cut(value)])));
    this.#kick();
  }

  #kick(): void {
    if (!this.#sending && !this.#stopped) {
      this.#sending = Promise.resolve().then(() => this.#send()).finally(() => this.#sending = undefined);
    }
  }

  async #send(): Promise<void> {
    let most = BATCH;
    while (this.#queue.length > 0 && !this.#stopped) {
      if (this.#lost > 0) this.#reportLoss();
      const batch = this.#batch(most);
      try {
        await this.api.call("events.emit", { events: batch });
        this.#queue.splice(0, batch.length);
        most = BATCH;
      } catch (error) {
        if (!isAppError(error, "bad_input") && !isAppError(error, "access_denied")) {
          await new Promise<void>((resolve) => this.clock.after(RETRY_MS, resolve));
        } else if (batch.length > 1) {
          most = 1; // one of them is refused: alone, it cannot take the others with it
        } else {
          // A refused notice of a loss is not announced by another one, for ever.
          if (this.#queue.shift()?.event !== "events.lost") this.#lost++;
        }
      }
    }
  }

  /** The next events: at most `most`, and at least one, within the bound of a message. */
  #batch(most: number): Record<string, EventValue>[] {
    let characters = 0;
    const batch: Record<string, EventValue>[] = [];
    for (const event of this.#queue.slice(0, most)) {
      characters += JSON.stringify(event).length;
      if (batch.length > 0 && characters > MAX_BATCH_CHARACTERS) break;
      batch.push(event);
    }
    return batch;
  }

  #reportLoss(): void {
    const time = eventTime(this.clock.now());
    this.#queue.unshift({ event: "events.lost", time, count: this.#lost });
    this.#lost = 0;
  }

  /** Waits up to `ms` for the queue to empty, then saves the rest for the next start. */
  async stop(ms: number): Promise<void> {
    if (this.#sending) {
      await Promise.race([this.#sending, new Promise<void>((resolve) => this.clock.after(ms, resolve))]);
    }
    this.#stopped = true;
    await this.spool.save(this.#queue.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }
}

function cut(value: EventValue): EventValue {
  return typeof value === "string" && value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}...` : value;
}
