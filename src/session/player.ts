/**
 * Playing a recording at the pace of the session, with the controls of a video player. Where it is shown and which keys
 * steer it is its caller's business.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { RecordingFrame, TerminalSize } from "./reader.ts";

export const SLOWEST = 0.25;
export const FASTEST = 16;

/** A longer gap is idle time. */
const IDLE_MS = 2_000;
/** What is left of idle time when it is skipped. */
const IDLE_SHOWN_MS = 500;

/** Where a recording is shown. */
export interface PlayerSink {
  /** Shows output; playing goes on when the promise resolves. */
  write(data: Uint8Array): Promise<void> | void;
  /** The recorded terminal has this size from now on. */
  resize?(size: TerminalSize): void;
  /** Empties the screen: the recording starts again from its first frame. */
  clear(): void;
}

export interface PlayerOptions {
  /** Opens the recording at its start; called again to go backward. */
  open(): AsyncIterable<RecordingFrame>;
  sink: PlayerSink;
  clock: Clock;
  /** 1 by default. */
  speed?: number;
  /** Shortens gaps of more than two seconds to half a second. */
  skipIdle?: boolean;
}

/** Plays one recording; starts at once. */
export class Player {
  /** Why playing is over. Rejects when the recording is damaged or the sink fails. */
  readonly done: Promise<"ended" | "quit">;
  readonly #options: PlayerOptions;
  #speed: number;
  #skipIdle: boolean;
  #paused = false;
  #quit = false;
  #restart = false;
  /** Milliseconds of the recording that were played at `#since`. */
  #position = 0;
  /** When the clock began to run from `#position`; unset while paused or catching up. */
  #since: number | undefined;
  #wake: (() => void) | undefined;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#speed = clampSpeed(options.speed ?? 1);
    this.#skipIdle = options.skipIdle ?? false;
    this.done = this.#play();
  }

  /** Milliseconds into the recording. */
  get position(): number {
    if (this.#since === undefined) return this.#position;
    return this.#position + (this.#options.clock.now() - this.#since) * this.#speed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get speed(): number {
    return this.#speed;
  }

  get skipIdle(): boolean {
    return this.#skipIdle;
  }

  play(): void {
    this.#paused = false;
    this.#change();
  }

  pause(): void {
    this.#paused = true;
    this.#change();
  }

  /** Plays at `speed` times the session's pace, within 0.25 and 16. */
  setSpeed(speed: number): void {
    this.#change(this.position);
    this.#speed = clampSpeed(speed);
  }

  setSkipIdle(skip: boolean): void {
    this.#skipIdle = skip;
    this.#change();
  }

  /** Goes forward, or backward when negative, by so many milliseconds of the recording. */
  seek(ms: number): void {
    const target = Math.max(0, this.position + ms);
    if (ms < 0) this.#restart = true;
    this.#change(target);
  }

  /** Stops playing. */
  quit(): void {
    this.#quit = true;
    this.#change();
  }

  #change(position = this.position): void {
    this.#position = position;
    this.#since = undefined;
    this.#wake?.();
  }

  async #play(): Promise<"ended" | "quit"> {
    // Lets the caller keep the player before anything is shown.
    await Promise.resolve();
    do {
      this.#restart = false;
      for await (const frame of this.#options.open()) {
        await this.#reach(frame.ms);
        if (this.#quit || this.#restart) break;
        if ("data" in frame) await this.#options.sink.write(frame.data);
        else this.#options.sink.resize?.(frame.resize);
        if (this.#quit || this.#restart) break;
      }
      if (this.#restart && !this.#quit) this.#options.sink.clear();
    } while (this.#restart && !this.#quit);
    return this.#quit ? "quit" : "ended";
  }

  /** Waits until playing has come to `ms`. Frames before that moment follow each other without delay. */
  async #reach(ms: number): Promise<void> {
    while (!this.#quit && !this.#restart && this.position < ms) {
      if (this.#paused) {
        await this.#pauseFor(undefined);
        continue;
      }
      if (this.#skipIdle && ms - this.position > IDLE_MS) this.#change(ms - IDLE_SHOWN_MS);
      this.#since ??= this.#options.clock.now();
      await this.#pauseFor((ms - this.position) / this.#speed);
    }
  }

  /** Waits for so many milliseconds, or until something changes. */
  async #pauseFor(ms: number | undefined): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = this.#options.clock.after(Math.ceil(ms), resolve);
    });
    timer?.cancel();
    this.#wake = undefined;
  }
}

function clampSpeed(speed: number): number {
  return Math.min(FASTEST, Math.max(SLOWEST, speed));
}
