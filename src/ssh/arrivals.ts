/**
 * New connections are let in a few at a time, from one address after the other. A crowd that arrives at once would
 * otherwise be in the waiting room before anybody in there could say a second word, and push them all out.
 * @module
 */
import { setTimeout } from "node:timers";

/** So many at once ... */
const AT_ONCE = 8;
/** ... and the next after so many milliseconds; on a thread that cannot keep up, later, up to this. */
const PAUSE_MS = 2, MAX_PAUSE_MS = 100;

interface Arrival {
  /** Lets it in ... */
  enter(): void;
  /** ... or ends it, because too many have come after it. */
  drop(): void;
}

export class Arrivals {
  readonly #maxPerAddress: number;
  readonly #max: number;
  /** Who waits, by address; the address whose turn is next comes first. */
  readonly #lines = new Map<string, Arrival[]>();
  #waiting = 0;
  /** How many more may come in before the pause. */
  #left = AT_ONCE;
  #pauseMs = PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(max: number, maxPerAddress: number) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
  }

  add(address: string, arrival: Arrival): void {
    if (this.#left > 0) return this.#enter(arrival);
    const line = this.#lines.get(address) ?? [];
    if (line.length === 0) this.#lines.set(address, line);
    line.push(arrival);
    this.#waiting++;
    this.#timer?.ref();
    if (line.length > this.#maxPerAddress) this.#take(address, line)?.drop();
    else if (this.#waiting > this.#max) this.#next()?.drop();
  }

  #enter(arrival: Arrival): void {
    if (this.#left === AT_ONCE) this.#pause();
    this.#left--;
    arrival.enter();
  }

  #pause(): void {
    const due = performance.now() + this.#pauseMs;
    this.#timer = setTimeout(() => {
      this.#pauseMs = Math.min(PAUSE_MS + performance.now() - due, MAX_PAUSE_MS);
      this.#goOn();
    }, this.#pauseMs);
    this.#timer.unref(); // as long as nobody waits for it
  }

  #goOn(): void {
    this.#left = AT_ONCE;
    while (this.#left > 0) {
      const next = this.#next();
      if (!next) return;
      this.#enter(next);
    }
    this.#timer?.ref();
  }

  #next(): Arrival | undefined {
    for (const [address, line] of this.#lines) {
      const first = this.#take(address, line);
      if (this.#lines.delete(address) && line.length > 0) this.#lines.set(address, line); // the last in the round
      return first;
    }
  }

  #take(address: string, line: Arrival[]): Arrival | undefined {
    const first = line.shift();
    if (first) this.#waiting--;
    if (line.length === 0) this.#lines.delete(address);
    return first;
  }
}
