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
  readonly #delayFor: (address: string) => number;
  /** Who waits, by address; the address whose turn is next comes first. */
  readonly #lines = new Map<string, Arrival[]>();
  #waiting = 0;
  /** How many more may come in before the pause. */
  #left = AT_ONCE;
  #pauseMs = PAUSE_MS;
  /** The timer is that of the pause; otherwise it is that of the first who may come in. */
  #pausing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param max how many may wait, and `maxPerAddress` from one address
   * @param delayFor how many milliseconds from now an address may send the next one in; call {@linkcode hurry} when
   * it may be less than it was
   */
  constructor(max: number, maxPerAddress: number, delayFor: (address: string) => number = () => 0) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
    this.#delayFor = delayFor;
  }

  add(address: string, arrival: Arrival): void {
    const line = this.#lines.get(address) ?? [];
    if (line.length === 0) {
      if (this.#left > 0 && this.#delayFor(address) === 0) return this.#enter(arrival);
      this.#lines.set(address, line);
    }
    line.push(arrival);
    this.#waiting++;
    if (line.length > this.#maxPerAddress) this.#take(address, line)?.drop();
    else if (this.#waiting > this.#max) this.#dropOfLongest();
    this.#keepGoing();
  }

  /** Somebody may come in sooner than was said. */
  hurry(): void {
    if (this.#waiting > 0 && !this.#pausing) this.#pause();
  }

  #enter(arrival: Arrival): void {
    if (this.#left === AT_ONCE) this.#pause();
    this.#left--;
    arrival.enter();
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#pausing = true;
    const due = performance.now() + this.#pauseMs;
    this.#timer = setTimeout(() => {
      this.#pauseMs = Math.min(PAUSE_MS + performance.now() - due, MAX_PAUSE_MS);
      this.#goOn();
    }, this.#pauseMs);
    if (this.#waiting === 0) this.#timer.unref(); // nobody waits for it
  }

  /** Somebody waits: there must be a timer, and it must not be left behind. */
  #keepGoing(): void {
    if (this.#timer === undefined) this.#waitForFirst();
    else this.#timer.ref();
  }

  /** Every address has to wait: until the first need not. */
  #waitForFirst(): void {
    const delays = this.#lines.keys().map((address) => this.#delayFor(address));
    this.#timer = setTimeout(() => this.#goOn(), Math.ceil(Math.min(...delays)));
  }

  #goOn(): void {
    this.#pausing = false;
    this.#timer = undefined;
    this.#left = AT_ONCE;
    while (this.#left > 0) {
      const next = this.#next();
      if (!next) break;
      this.#enter(next);
    }
    if (this.#waiting > 0) this.#keepGoing();
  }

  #next(): Arrival | undefined {
    for (const [address, line] of this.#lines) {
      if (this.#delayFor(address) > 0) continue;
      const first = this.#take(address, line);
      if (this.#lines.delete(address) && line.length > 0) this.#lines.set(address, line); // the last in the round
      return first;
    }
  }

  #dropOfLongest(): void {
    const [first, ...others] = this.#lines;
    if (!first) return;
    const [address, line] = others.reduce(
      (most, other) => other[1].length > most[1].length ? other : most,
      first,
    );
    this.#take(address, line)?.drop();
  }

  #take(address: string, line: Arrival[]): Arrival | undefined {
    const first = line.shift();
    if (first) this.#waiting--;
    if (line.length === 0) this.#lines.delete(address);
    return first;
  }
}
