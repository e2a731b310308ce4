/**
 * A clock that moves only when a test says so.
 * @module
 */
import type { Clock, Timer } from "../../src/base/clock.ts";

interface Waiting {
  at: number;
  run: () => void;
}

/** How many turns of the microtask queue count as "everything that could go on has gone on". */
const TURNS = 64;

/** Lets promises that are already resolvable run on, without any real time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
}

export class FakeClock implements Clock {
  #now: number;
  #waiting: Waiting[] = [];

  /** @param start milliseconds since the epoch; the default is a quiet noon */
  constructor(start: number = Date.UTC(2026, 0, 15, 12)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, ms), run };
    this.#waiting.push(timer);
    return { cancel: () => void (this.#waiting = this.#waiting.filter((other) => other !== timer)) };
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#waiting.length;
  }

  /** Moves on by `ms` milliseconds: due timers run in order, each at its own time, with what follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#waiting.filter((timer) => timer.at <= end);
      const next = due.reduce<Waiting | undefined>((a, b) => a && a.at <= b.at ? a : b, undefined);
      if (!next) break;
      this.#waiting = this.#waiting.filter((timer) => timer !== next);
      this.#now = next.at;
      next.run();
      await settle();
    }
    this.#now = end;
  }

  /** Moves on to a time, milliseconds since the epoch. */
  async advanceTo(time: number): Promise<void> {
    await this.advance(time - this.#now);
  }
}
