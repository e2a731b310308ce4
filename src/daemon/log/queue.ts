/**
 * Log lines on their way to where they go. Nobody waits for them: when that place is slow or away, they wait here up to
 * a bound, then they are dropped and counted, and the count is told as soon as something can be written again.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { LogEntry } from "../../base/log_entry.ts";

/** Where log lines go. */
export interface LogSink {
  /** The form of a line there. */
  render(entry: LogEntry): Uint8Array<ArrayBuffer>;
  /** Writes some lines. Rejects when they could not be written, perhaps only in part. */
  write(lines: readonly Uint8Array<ArrayBuffer>[]): Promise<void>;
  /** Lets go of a file that may have been moved away, and opens it anew. */
  reopen(): void;
  close(): void;
}

const MAX_WAITING_BYTES = 1024 * 1024;
const MAX_BATCH_BYTES = 64 * 1024;
const PAUSE_MS = 1000;

export class LogQueue {
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #onTrouble: (reason: string) => void;
  #failing = false;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #dropped = 0;
  #lost = 0;
  #writing: Promise<void> | undefined;

  /** @param onTrouble told once when the log cannot be written any more, with the reason */
  constructor(sink: LogSink, clock: Clock, onTrouble: (reason: string) => void = () => {}) {
    this.#sink = sink;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
  }

  /** Lines that were dropped since the start. */
  get lost(): number {
    return this.#lost;
  }

  push(entry: LogEntry): void {
    const line = this.#sink.render(entry);
    if (this.#bytes + line.length > MAX_WAITING_BYTES) return this.#drop(1);
    this.#waiting.push(line);
    this.#bytes += line.length;
    this.#writing ??= this.#write().finally(() => this.#writing = undefined);
  }

  #drop(count: number): void {
    this.#dropped += count;
    this.#lost += count;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#sink.write(batch);
        this.#failing = false;
        this.#tellLoss();
      } catch (error) {
        // It cannot be logged now; that lines are missing is, when it works again.
        if (!this.#failing) this.#onTrouble(messageOf(error));
        this.#failing = true;
        this.#drop(batch.length);
        await new Promise<void>((resolve) => this.#clock.after(PAUSE_MS, resolve));
      }
    }
  }

  #take(): Uint8Array<ArrayBuffer>[] {
    let bytes = 0;
    let count = 0;
    for (const line of this.#waiting) {
      if (count > 0 && bytes + line.length > MAX_BATCH_BYTES) break;
      bytes += line.length;
      count++;
    }
    this.#bytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #tellLoss(): void {
    if (this.#dropped === 0) return;
    const message =
      `${this.#dropped} log lines were dropped here: they could not be written as fast as they came`;
    this.#dropped = 0;
    const line = this.#sink.render({ time: this.#clock.now(), level: "warning", component: "log", message });
    this.#waiting.unshift(line);
    this.#bytes += line.length;
  }

  /** Waits until everything is written, at most `ms`. */
  async flush(ms: number): Promise<void> {
    if (!this.#writing) return;
    await Promise.race([this.#writing, new Promise<void>((resolve) => this.#clock.after(ms, resolve))]);
  }
}
