/**
 * Leases, by which etcd itself removes what has expired. When an entry ends is kept in its value, to the millisecond;
 * a lease only cleans up. So entries that end at about the same time share one.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { DAY, HOUR, MINUTE } from "../base/duration.ts";
import type { EtcdGateway } from "./etcd_gateway.ts";

const MAX_KNOWN = 10_000;

export class EtcdLeases {
  /** By the time that they end. */
  readonly #leases = new Map<number, Promise<string>>();

  constructor(readonly gateway: EtcdGateway, readonly clock: Clock) {}

  /** The lease for entries that expire then. */
  async until(expires: number): Promise<string> {
    const now = this.clock.now();
    const step = expires - now > DAY ? HOUR : MINUTE;
    const ends = (Math.floor(Math.max(expires, now) / step) + 1) * step;
    this.#forgetOld(now);
    const known = this.#leases.get(ends) ?? this.#grant(Math.ceil((ends - now) / 1000));
    this.#leases.set(ends, known);
    try {
      return await known;
    } catch (error) {
      this.#leases.delete(ends);
      throw error;
    }
  }

  async #grant(seconds: number): Promise<string> {
    const { ID } = await this.gateway.call<{ ID: string }>("/v3/lease/grant", {
      TTL: String(seconds),
      ID: "0",
    });
    return ID;
  }

  /** Somebody has revoked them, or the cluster is another one now. */
  forget(): void {
    this.#leases.clear();
  }

  #forgetOld(now: number): void {
    for (const ends of this.#leases.keys()) if (ends <= now) this.#leases.delete(ends);
    if (this.#leases.size > MAX_KNOWN) this.#leases.clear();
  }
}
