/**
 * New connections are let in a few at each turn of the event loop, from one address after the other. A crowd that arrives
 * at once would otherwise be in the waiting room before anybody in there could say a second word, and push them all out.
 * @module
 */
import { setImmediate } from "node:timers";

const PER_TURN = 8;

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
  #scheduled = false;

  constructor(max: number, maxPerAddress: number) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
  }

  add(address: string, arrival: Arrival): void {
    const line = this.#lines.get(address) ?? [];
    if (line.length === 0) this.#lines.set(address, line);
    line.push(arrival);
    this.#waiting++;
    if (line.length > this.#maxPerAddress) this.#take(address, line)?.drop();
    else if (this.#waiting > this.#max) this.#next()?.drop();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (let i = 0; i < PER_TURN; i++) this.#next()?.enter();
      this.#schedule();
    });
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
