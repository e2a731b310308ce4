/**
 * Tells when a user's record has expired. The store hides it by itself at that moment; whoever keeps a copy of the users
 * has to hear of it.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import { HOUR, SECOND } from "../base/duration.ts";

/** Timers cannot be set for arbitrarily long. */
const LONGEST = 24 * HOUR;
const RETRY = 10 * SECOND;

export class ExpiryWatch {
  #timer: Timer | undefined;
  #looking = false;
  #again = false;
  #closed = false;

  /**
   * @param next the time of the next expiry, if there is one
   * @param onExpired called when that time has come
   */
  constructor(
    readonly clock: Clock,
    readonly next: () => Promise<number | undefined>,
    readonly onExpired: () => void,
  ) {}

  /** Looks again: call it after every change. Calls during a look share the next one. */
  async refresh(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        this.#arm(await this.#when());
      }
    } finally {
      this.#looking = false;
    }
  }

  /** A store that is away for a moment is asked again. */
  async #when(): Promise<{ at: number; due: boolean } | undefined> {
    try {
      const at = await this.next();
      return at === undefined ? undefined : { at, due: true };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { at: this.clock.now() + RETRY, due: false };
    }
  }

  #arm(next: { at: number; due: boolean } | undefined): void {
    this.#timer?.cancel();
    if (!next || this.#closed) return;
    const wait = Math.max(0, next.at - this.clock.now());
    this.#timer = this.clock.after(Math.min(wait, LONGEST), () => {
      if (next.due && wait <= LONGEST) this.onExpired();
      void this.refresh();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}

/** The earliest of the times that are set. */
export function earliest(times: readonly (number | undefined)[]): number | undefined {
  const set = times.filter((time) => time !== undefined);
  return set.length === 0 ? undefined : set.reduce((a, b) => Math.min(a, b));
}
