/**
 * Time as a dependency, so that a test can move it.
 * @module
 */

/** A cancellable timer. */
export interface Timer {
  cancel(): void;
}

/** A source of time and timers. All times are milliseconds since the Unix epoch, UTC. */
export interface Clock {
  now(): number;
  /** Calls `run` once after `ms` milliseconds. Never keeps the process alive by itself. */
  after(ms: number, run: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const id = setTimeout(run, ms);
    Deno.unrefTimer(id);
    return { cancel: () => clearTimeout(id) };
  },
};

/** Calls `run` every `ms` milliseconds until cancelled. A slow `run` delays the next call instead of overlapping it. */
export function every(clock: Clock, ms: number, run: () => void | Promise<void>): Timer {
  let stopped = false;
  let timer: Timer;
  const arm = () => {
    timer = clock.after(ms, async () => {
      try {
        await run();
      } finally {
        if (!stopped) arm();
      }
    });
  };
  arm();
  return {
    cancel() {
      stopped = true;
      timer.cancel();
    },
  };
}

/** Seconds since the epoch of a millisecond time, as certificates count. */
export function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
