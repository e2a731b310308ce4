/**
 * Clients that are turned away before anybody knows who they are: too many connections, too many requests, no login in
 * time. The first of an address is an event at once; those that follow within a minute become one event with their
 * count, so that who floods a server does not flood its log.
 * @module
 */
import { networkOf } from "../base/client_address.ts";
import type { Clock } from "../base/clock.ts";
import { MINUTE } from "../base/duration.ts";
import type { EventFields } from "../model/event.ts";

/** Addresses that are counted apart; all others together. */
const MAX_ADDRESSES = 1000;
const OTHERS = "others";

interface Refusals {
  address: string;
  count: number;
  reason: string;
}

export class RefusedClients {
  readonly #recent = new Map<string, Refusals>();

  constructor(readonly clock: Clock, readonly emit: (event: EventFields) => void) {}

  /** @param address the client's IP address */
  note(address: string, reason: string): void {
    const network = networkOf(address);
    const full = this.#recent.size >= MAX_ADDRESSES && !this.#recent.has(network);
    const key = full ? OTHERS : network;
    const known = this.#recent.get(key);
    if (known) {
      known.count++;
      known.reason = reason;
      return;
    }
    const first = { address: full ? OTHERS : address, count: 1, reason };
    this.#tell(first);
    this.#recent.set(key, { ...first, count: 0 });
    this.clock.after(MINUTE, () => this.#next(key));
  }

  #next(key: string): void {
    const refusals = this.#recent.get(key);
    if (!refusals || refusals.count === 0) return void this.#recent.delete(key);
    this.#tell(refusals);
    refusals.count = 0;
    this.clock.after(MINUTE, () => this.#next(key));
  }

  #tell({ address, count, reason }: Refusals): void {
    this.emit({ event: "client.refused", success: false, "addr.remote": address, count, reason });
  }
}
