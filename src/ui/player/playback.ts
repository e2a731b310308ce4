/**
 * Plays a recording on a screen: forward at a speed, or anywhere at once.
 * @module
 */
import { Cell } from "../cell.ts";
import type { TerminalSize } from "../../model/web.ts";
import type { ByteSource } from "./byte_source.ts";
import type { Timeline } from "./timeline.ts";

/** What is played on. */
export interface Stage {
  write(bytes: Uint8Array | string, drawn: () => void): void;
  reset(): void;
  resize(size: TerminalSize): void;
  snapshot(): string;
  readonly size: TerminalSize;
}

/** What calls back for each picture that the browser draws. */
export interface Frames {
  request(draw: (now: number) => void): number;
  cancel(frame: number): void;
  /** Milliseconds, on the clock of the callbacks. */
  now(): number;
}

const BROWSER_FRAMES: Frames = {
  request: (draw) => requestAnimationFrame(draw),
  cancel: (frame) => cancelAnimationFrame(frame),
  now: () => performance.now(),
};

/** The state of the screen before a step. */
interface Snapshot {
  step: number;
  size: TerminalSize;
  screen: string;
}

export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const;

/** Longer pauses are passed over when idle time is skipped. */
const IDLE_MS = 1500;
/** What is left of a pause. */
const IDLE_LEFT_MS = 300;
/** Output is drawn in pieces of so much, so that the page stays alive. */
const PIECE = 256 * 1024;
/** After so much output a snapshot is kept: going back to before it starts there. */
const SNAPSHOT_BYTES = 2 * 1024 * 1024;
/** A playback that waits for output does not run further ahead. */
const AHEAD_MS = 500;

export class Playback {
  /** Milliseconds from the beginning. */
  readonly time = new Cell(0);
  readonly playing = new Cell(false);
  readonly speed = new Cell(1);
  readonly skipsIdle = new Cell(true);
  /** Waits for output that is far. */
  readonly seeking = new Cell(false);
  readonly failure = new Cell<unknown>(undefined);
  /** The first step that is not on the screen. */
  #next = 0;
  readonly #snapshots: Snapshot[] = [];
  #sinceSnapshot = 0;
  #drawing = false;
  /** The screen does not show what the time says: it starts anew from a snapshot. */
  #restart: Snapshot | undefined;
  #frame = 0;
  #last = 0;
  #closed = false;

  constructor(
    private readonly timeline: Timeline,
    private readonly source: ByteSource,
    private readonly stage: Stage,
    private readonly frames: Frames = BROWSER_FRAMES,
  ) {
    this.#snapshots.push({ step: 0, size: timeline.size, screen: "" });
    stage.resize(timeline.size);
    void this.#draw();
  }

  play(): void {
    if (this.playing.value) return;
    if (this.time.value >= this.timeline.duration) this.seek(0);
    this.failure.set(undefined);
    this.playing.set(true);
    this.#last = this.frames.now();
    this.#frame = this.frames.request((now) => this.#tick(now));
  }

  pause(): void {
    this.playing.set(false);
    this.frames.cancel(this.#frame);
  }

  toggle(): void {
    if (this.playing.value) this.pause();
    else this.play();
  }

  seek(ms: number): void {
    const to = Math.min(Math.max(0, ms), this.timeline.duration);
    const target = this.#firstStepAfter(to);
    const nearest = this.#snapshots.findLast(({ step }) => step <= target);
    // Backward always from a snapshot; forward only if one lies between.
    if (nearest && (target < this.#next || nearest.step > this.#next)) this.#restart = nearest;
    this.time.set(to);
    this.failure.set(undefined);
    void this.#draw();
  }

  /** One step faster or slower. */
  changeSpeed(step: 1 | -1): void {
    const at = SPEEDS.findIndex((speed) => speed === this.speed.value);
    this.speed.set(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + step))] ?? 1);
  }

  close(): void {
    this.#closed = true;
    this.pause();
  }

  #tick(now: number): void {
    if (!this.playing.value) return;
    // The first frame may have begun before the button was pressed.
    const passed = Math.max(0, now - this.#last) * this.speed.value;
    this.#last = now;
    const next = this.timeline.steps[this.#next]?.ms ?? this.timeline.duration;
    let time = this.time.value + passed;
    if (this.#drawing && time > next + AHEAD_MS) time = this.time.value;
    else if (this.skipsIdle.value && !this.#drawing && next - time > IDLE_MS) time = next - IDLE_LEFT_MS;
    this.time.set(Math.min(time, this.timeline.duration));
    void this.#draw();
    if (this.time.value >= this.timeline.duration) return this.pause();
    this.#frame = this.frames.request((at) => this.#tick(at));
  }

  #firstStepAfter(ms: number): number {
    const { steps } = this.timeline;
    let [low, high] = [0, steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((steps[middle]?.ms ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Brings the screen to where the time is; one at a time. */
  async #draw(): Promise<void> {
    if (this.#drawing || this.#closed) return;
    this.#drawing = true;
    try {
      // Time may have gone on while the last look found nothing to do.
      while (!this.#closed && (await this.#drawSome() || this.#isDue()));
    } catch (error) {
      this.failure.set(error);
      this.pause();
    } finally {
      this.#drawing = false;
      this.seeking.set(false);
    }
  }

  #isDue(): boolean {
    const step = this.timeline.steps[this.#next];
    return this.#restart !== undefined || (step !== undefined && step.ms <= this.time.value);
  }

  /** @returns whether there may be more */
  async #drawSome(): Promise<boolean> {
    if (this.#restart) {
      const { step, size, screen } = this.#restart;
      this.#restart = undefined;
      this.stage.reset();
      this.stage.resize(size);
      this.#next = step;
      this.#sinceSnapshot = 0;
      await this.#write(screen);
      return true;
    }
    const step = this.timeline.steps[this.#next];
    if (!step || step.ms > this.time.value) return false;
    if (step.kind !== "print") {
      if (step.kind === "resize") this.stage.resize(step.size);
      this.#next++;
      return true;
    }
    const { offset, bytes, until } = this.#run(step.offset, step.bytes);
    if (bytes >= PIECE) this.seeking.set(true);
    const output = await this.source.read(offset, bytes);
    if (this.#restart || this.#closed) return true; // the user went elsewhere meanwhile
    await this.#write(output);
    this.#next = until;
    this.#keepSnapshot(bytes);
    return true;
  }

  /** Output that follows without a gap up to the time, as one piece. */
  #run(offset: number, first: number): { offset: number; bytes: number; until: number } {
    let bytes = first;
    let until = this.#next + 1;
    for (; bytes < PIECE; until++) {
      const step = this.timeline.steps[until];
      if (step?.kind !== "print" || step.ms > this.time.value || step.offset !== offset + bytes) break;
      bytes += step.bytes;
    }
    return { offset, bytes, until };
  }

  #write(output: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.stage.write(output, resolve));
  }

  #keepSnapshot(bytes: number): void {
    this.#sinceSnapshot += bytes;
    const last = this.#snapshots.at(-1);
    if (this.#sinceSnapshot < SNAPSHOT_BYTES || (last && last.step >= this.#next)) return;
    this.#sinceSnapshot = 0;
    this.#snapshots.push({ step: this.#next, size: this.stage.size, screen: this.stage.snapshot() });
  }
}
