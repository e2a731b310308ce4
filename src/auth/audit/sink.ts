/**
 * Passing the audit log on to a collector: every event at least once, in order, also after a restart. The log itself is
 * the spool; a sink keeps only its place in it. When a collector is away for so long that more waits than is allowed,
 * the oldest events are given up, and their number is an event.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { MINUTE, SECOND } from "../../base/duration.ts";
import { isAppError, messageOf } from "../../base/errors.ts";
import type { Files } from "../../base/files.ts";
import type { AuditLog } from "./log.ts";
import { type LogPosition, LogReader } from "./log_reader.ts";
import { eventFilter, parseEvent } from "./search.ts";

const BATCH = 500;
const FIRST_RETRY_MS = SECOND;
const MAX_RETRY_MS = MINUTE;
/** So often, the place is brought to disk while events flow. */
const KEEP_MS = SECOND;

export interface SinkOptions {
  /** Names the sink to people, and its file. */
  name: string;
  log: AuditLog;
  files: Pick<Files, "readText" | "writePrivate">;
  /** Where the sink keeps its place. */
  path: string;
  /** Only these events; all when left out. */
  events?: readonly string[];
  /** Bytes of the log that may wait. */
  maxBehind: number;
  clock: Clock;
  /** @throws {AppError} bad_input when the collector will never take these; anything else is tried again */
  deliver(lines: readonly string[]): Promise<void>;
  report(level: "info" | "warn", text: string): void;
}

export class AuditSink {
  readonly #options: SinkOptions;
  readonly #reader: LogReader;
  readonly #fits: (line: string) => boolean;
  #position: LogPosition = { day: 0, offset: 0 };
  /** How many of the lines that follow the place are with the collector already. */
  #done = 0;
  #kept = "";
  #keptAt = 0;
  #delivered = 0;
  #lost = 0;
  #failing = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  #fresh = true;
  readonly #running: Promise<void>;
  readonly #subscription: { stop(): void };

  private constructor(options: SinkOptions, position: LogPosition) {
    this.#options = options;
    this.#position = position;
    this.#reader = new LogReader(options.log.directory, options.log.files);
    const wanted = eventFilter({ events: options.events });
    this.#fits = (line) => {
      const event = parseEvent(line);
      return event !== undefined && wanted(event);
    };
    this.#subscription = options.log.onWritten(() => {
      this.#fresh = true;
      if (!this.#failing) this.#wake?.();
    });
    this.#running = this.#run();
  }

  /** Goes on where the sink stopped; a new one begins with what is written from now on. */
  static async start(options: SinkOptions): Promise<AuditSink> {
    const { log, files, path, clock } = options;
    const text = await files.readText(path);
    const kept = parsePosition(text);
    if (text !== undefined && !kept) {
      options.report("warn", `the audit sink ${options.name} begins anew: ${path} is damaged`);
    }
    const position = kept ?? await new LogReader(log.directory, log.files).end(clock.now());
    if (!kept) await files.writePrivate(path, JSON.stringify(position));
    return new AuditSink(options, position);
  }

  /** The day of the log that it reads next, in milliseconds since the epoch: until it has, the day is kept. */
  get needsFrom(): number {
    return this.#position.day;
  }

  /** Numbers for the diagnostics. */
  get state(): { delivered: number; lost: number } {
    return { delivered: this.#delivered, lost: this.#lost };
  }

  async #run(): Promise<void> {
    let delay = FIRST_RETRY_MS;
    while (!this.#stopped) {
      this.#fresh = false;
      try {
        const more = await this.#passOn();
        if (this.#failing) {
          this.#options.report("info", `the audit sink ${this.#options.name} takes events again`);
        }
        this.#failing = false;
        delay = FIRST_RETRY_MS;
        if (!more) await this.#keep();
        if (!more && !this.#fresh && !this.#stopped) await this.#pause();
      } catch (error) {
        if (!this.#failing) {
          const text = `the audit sink ${this.#options.name} takes no events, which wait for it: ${
            messageOf(error)
          }`;
          this.#options.report("warn", text);
        }
        this.#failing = true;
        await this.#giveUpOldest().catch((error) => this.#options.report("warn", messageOf(error)));
        await this.#pause(delay * (0.75 + Math.random() / 2));
        delay = Math.min(delay * 2, MAX_RETRY_MS);
      }
    }
    await this.#keep().catch((error) => this.#options.report("warn", messageOf(error)));
  }

  /** Delivers what comes next. @returns false when there is nothing */
  async #passOn(): Promise<boolean> {
    const piece = await this.#reader.next(this.#position);
    if (!piece) return false;
    const lines = piece.lines.filter(this.#fits);
    while (this.#done < lines.length) {
      const batch = lines.slice(this.#done, this.#done + BATCH);
      const refused = await this.#deliver(batch);
      this.#done += batch.length;
      // That such an event is refused is no event: it would be refused, too, and so on for ever.
      const told = refused.filter(({ line }) => parseEvent(line)?.event !== "events.lost");
      this.#lost += refused.length - told.length;
      if (told[0]) await this.#lose(told.length, told[0].reason);
    }
    this.#position = piece.end;
    this.#done = 0;
    if (this.#options.clock.now() - this.#keptAt >= KEEP_MS) await this.#keep();
    return true;
  }

  /** A batch that is refused for good is halved, until it is known which event it is. @returns what is refused */
  async #deliver(lines: readonly string[]): Promise<{ line: string; reason: string }[]> {
    try {
      await this.#options.deliver(lines);
      this.#delivered += lines.length;
      return [];
    } catch (error) {
      if (!isAppError(error, "bad_input")) throw error;
      const [line] = lines;
      if (line !== undefined && lines.length === 1) return [{ line, reason: error.message }];
      const half = lines.length >> 1;
      const refused = await this.#deliver(lines.slice(0, half));
      return [...refused, ...await this.#deliver(lines.slice(half))];
    }
  }

  async #giveUpOldest(): Promise<void> {
    let given = 0;
    while (!this.#stopped && await this.#reader.behind(this.#position) > this.#options.maxBehind) {
      const piece = await this.#reader.next(this.#position);
      if (!piece) break;
      given += piece.lines.filter(this.#fits).length - this.#done;
      this.#position = piece.end;
      this.#done = 0;
    }
    if (given === 0) return;
    await this.#keep();
    await this.#lose(given, "the collector was away too long");
  }

  async #lose(count: number, reason: string): Promise<void> {
    this.#lost += count;
    // If it cannot be written now, the log keeps it.
    await this.#options.log.emit({ event: "events.lost", sink: this.#options.name, count, reason })
      .catch((error) => this.#options.report("warn", messageOf(error)));
  }

  async #keep(): Promise<void> {
    const text = JSON.stringify(this.#position);
    this.#keptAt = this.#options.clock.now();
    if (text === this.#kept) return;
    await this.#options.files.writePrivate(this.#options.path, text);
    this.#kept = text;
  }

  #pause(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        timer?.cancel();
        resolve();
      };
    });
  }

  /** Ends the sink; what is under way may end within `ms`. */
  async stop(ms: number): Promise<void> {
    this.#subscription.stop();
    this.#stopped = true;
    this.#wake?.();
    const { clock } = this.#options;
    await Promise.race([this.#running, new Promise<void>((resolve) => clock.after(ms, resolve))]);
  }
}

function parsePosition(text: string | undefined): LogPosition | undefined {
  if (text === undefined) return undefined;
  try {
    const { day, offset } = JSON.parse(text);
    if (Number.isSafeInteger(day) && Number.isSafeInteger(offset) && offset >= 0) return { day, offset };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return undefined;
}
