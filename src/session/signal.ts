/**
 * Waiting for a condition that several things can change, without a promise for each of them.
 * @module
 */
import type { Clock } from "../base/clock.ts";

/** Wakes its one waiter to look again. */
export class Signal {
  #wake: (() => void) | undefined;

  /** Something changed. */
  notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /**
   * Waits until `done()` is true.
   * @param deadline gives up after so many milliseconds
   * @returns false when the deadline passed first
   */
  async until(done: () => boolean, deadline?: { clock: Clock; ms: number }): Promise<boolean> {
    if (done()) return true;
    let late = false;
    const timer = deadline?.clock.after(deadline.ms, () => {
      late = true;
      this.notify();
    });
    try {
      while (!late && !done()) await new Promise<void>((resolve) => this.#wake = resolve);
      return done();
    } finally {
      timer?.cancel();
    }
  }
}
