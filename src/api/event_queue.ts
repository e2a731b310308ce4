/**
 * Audit events on their way from a host to auth: kept in order, bounded, sent again after a broken connection, kept on
 * disk while there is none.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { isAppError, messageOf } from "../base/errors.ts";
import { type EventFields, eventTime, type EventValue } from "../model/event.ts";
import type { Caller } from "./client.ts";
import { EventJournal, type EventSpool, readJournal, type StampedEvent } from "./event_journal.ts";

export type { EventSpool } from "./event_journal.ts";

const MAX_QUEUED = 20_000;
const BATCH = 200;
/** Far below the API's largest message. */
const MAX_BATCH_CHARACTERS = 512 * 1024;
/** The contract takes 16,384 characters; a longer value is cut, so that nobody escapes the log with a long command. */
const MAX_VALUE = 16_000;
const RETRY_MS = 1000;
/** So often, what waits is brought to disk. */
const JOURNAL_MS = 1000;

export class EventQueue {
  #queue: StampedEvent[] = [];
  readonly #journal: EventJournal;
  #sending: Promise<void> | undefined;
  #lost = 0;
  #lostInAll = 0;
  #stopped = false;
  #diskFailed = false;
  #disk: Promise<void> = Promise.resolve();

  /** @param warn for the log */
  constructor(
    readonly api: Caller,
    readonly clock: Clock,
    spool: EventSpool,
    readonly warn: (text: string) => void = () => {},
  ) {
    this.#journal = new EventJournal(spool);
  }

  /** How many events wait to be sent. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** How many were dropped since the start. */
  get lost(): number {
    return this.#lostInAll;
  }

  /** Takes up the journal of another process, which has ended, and keeps it in its own. */
  async adopt(journal: string): Promise<void> {
    const events = readJournal(journal);
    if (events.length === 0) return;
    const room = Math.max(0, MAX_QUEUED - this.#queue.length);
    this.#lose(events.length - Math.min(room, events.length));
    this.#queue.push(...events.slice(0, room));
    await this.#onDisk(() => this.#journal.write(this.#queue));
    this.#kick();
  }

  /** Queues an event; it is stamped now and sent as soon as auth can be reached. */
  emit(event: EventFields): void {
    if (this.#queue.length >= MAX_QUEUED) return this.#lose(1);
    const stamped: EventFields = { time: eventTime(this.clock.now()), ...event };
    const fields = Object.entries(stamped)
      .filter((field): field is [string, EventValue] => field[1] !== undefined);
    this.#queue.push(Object.fromEntries(fields.map(([name, value]) => [name, cut(value)])));
    this.#kick();
  }

  #lose(count: number): void {
    this.#lost += count;
    this.#lostInAll += count;
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
        await this.#deliver(batch);
        await this.#drop(batch.length);
        most = BATCH;
      } catch (error) {
        if (!isAppError(error, "bad_input") && !isAppError(error, "access_denied")) {
          await new Promise<void>((resolve) => this.clock.after(RETRY_MS, resolve));
        } else if (batch.length > 1) {
          most = 1; // one of them is refused: alone, it cannot take the others with it
        } else {
          // A refused notice of a loss is not announced by another one, for ever.
          if (batch[0]?.event !== "events.lost") this.#lose(1);
          await this.#drop(1);
        }
      }
    }
  }

  /** Sends a batch; when that takes long, what waits is brought to disk meanwhile, again and again. */
  async #deliver(batch: StampedEvent[]): Promise<void> {
    let waiting = true;
    const keep = async () => {
      await this.#onDisk(() => this.#journal.write(this.#queue));
      if (waiting) timer = this.clock.after(JOURNAL_MS, keep);
    };
    let timer = this.clock.after(JOURNAL_MS, keep);
    try {
      await this.api.call("events.emit", { events: batch });
    } finally {
      waiting = false;
      timer.cancel();
    }
  }

  async #drop(count: number): Promise<void> {
    await this.#onDisk(async () => {
      this.#queue.splice(0, count);
      await this.#journal.delivered(count, this.#queue.length);
    });
  }

  /** One after the other. A disk that takes nothing, for now, leaves the events where they are: in memory. */
  #onDisk(work: () => Promise<void>): Promise<void> {
    return this.#disk = this.#disk.then(work).then(() => {
      this.#diskFailed = false;
    }, (error) => {
      if (!this.#diskFailed) {
        this.warn(`events that wait for the auth server cannot be kept on disk: ${messageOf(error)}`);
      }
      this.#diskFailed = true;
    });
  }

  /** The next events: at most `most`, and at least one, within the bound of a message. */
  #batch(most: number): StampedEvent[] {
    let characters = 0;
    const batch: StampedEvent[] = [];
    for (const event of this.#queue.slice(0, most)) {
      characters += JSON.stringify(event).length;
      if (batch.length > 0 && characters > MAX_BATCH_CHARACTERS) break;
      batch.push(event);
    }
    return batch;
  }

  #reportLoss(): void {
    const time = eventTime(this.clock.now());
    // At the end: the front of the queue may be on disk already.
    this.#queue.push({ event: "events.lost", time, count: this.#lost });
    this.#lost = 0;
  }

  /** Waits up to `ms` for the queue to empty, then saves the rest for the next start. */
  async stop(ms: number): Promise<void> {
    if (this.#sending) {
      await Promise.race([this.#sending, new Promise<void>((resolve) => this.clock.after(ms, resolve))]);
    }
    this.#stopped = true;
    await this.#onDisk(() => this.#journal.rewrite(this.#queue));
  }
}

function cut(value: EventValue): EventValue {
  return typeof value === "string" && value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}...` : value;
}
