/**
 * The connections that have not logged in yet, and who of them has to go when there is no more room. Refusing newcomers
 * instead would let anybody who opens connections and says nothing lock everybody out until the grace time ends.
 * @module
 */
import type { Duplex } from "node:stream";
import { networkOf } from "../base/client_address.ts";
import type { Endpoint } from "./server_connection.ts";

/** How far a client has come: it said nothing, its identification line is there, its first key exchange is over. */
export type Stage = "silent" | "greeted" | "keyed";

export interface WaitingRoomLimits {
  maxUnauthenticated: number;
  maxUnauthenticatedPerAddress: number;
}

interface Guest {
  readonly socket: Duplex;
  remote: Endpoint;
  /** What its caps count: a whole IPv6 /64 is one customer's. */
  network: string;
  stage: Stage;
  readonly since: number;
}

/** SSH clients speak at once: who has been silent for so long makes room first. In milliseconds. */
const PATIENCE_MS = 1000;
/** Nobody has to go before this, however many wait outside: a key exchange takes a few ways there and back. */
const STAY_MS = 250;

export class WaitingRoom {
  readonly #limits: WaitingRoomLimits;
  /** From the oldest to the newest. */
  readonly #guests = new Map<Duplex, Guest>();
  readonly #perNetwork = new Map<string, number>();

  constructor(limits: WaitingRoomLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#guests.size;
  }

  get sockets(): Iterable<Duplex> {
    return this.#guests.keys();
  }

  /** Where the client of a connection that waits is. */
  remoteOf(socket: Duplex): Endpoint | undefined {
    return this.#guests.get(socket)?.remote;
  }

  /** Milliseconds until there is room for one more from this address, or somebody who has to make it. */
  delayFor(address: string): number {
    const goes = this.#whoGoesFor(networkOf(address));
    return goes ? Math.max(0, STAY_MS - (performance.now() - goes.since)) : 0;
  }

  /** Lets a connection in. @returns the one that made room for it, if there was none; it is to be ended */
  enter(socket: Duplex, remote: Endpoint): { socket: Duplex; remote: Endpoint } | undefined {
    const network = networkOf(remote.address);
    const goes = this.#whoGoesFor(network);
    if (goes) this.leave(goes.socket);
    this.#guests.set(socket, { socket, remote, network, stage: "silent", since: performance.now() });
    this.#count(network, 1);
    return goes;
  }

  /** A trusted relay told where the client really is. @returns as {@linkcode enter} */
  move(socket: Duplex, remote: Endpoint): { socket: Duplex; remote: Endpoint } | undefined {
    const guest = this.#guests.get(socket);
    if (!guest) return undefined;
    const network = networkOf(remote.address);
    this.#count(guest.network, -1);
    guest.remote = remote;
    guest.network = network;
    const goes = this.#isFull(network) ? this.#choose(network, socket) : undefined;
    if (goes) this.leave(goes.socket);
    this.#count(network, 1);
    return goes;
  }

  /** Sends one away, as {@linkcode enter} would, because the server is full. @returns undefined when nobody waits */
  evict(): { socket: Duplex; remote: Endpoint } | undefined {
    const goes = this.#choose(undefined);
    if (goes) this.leave(goes.socket);
    return goes;
  }

  advance(socket: Duplex, stage: Stage): void {
    const guest = this.#guests.get(socket);
    if (guest) guest.stage = stage;
  }

  /** @returns false when it was not there any more */
  leave(socket: Duplex): boolean {
    const guest = this.#guests.get(socket);
    if (!guest) return false;
    this.#guests.delete(socket);
    this.#count(guest.network, -1);
    return true;
  }

  #isFull(network: string): boolean {
    return (this.#perNetwork.get(network) ?? 0) >= this.#limits.maxUnauthenticatedPerAddress;
  }

  /** Who makes room for one more from a network; nobody while there is some. */
  #whoGoesFor(network: string): Guest | undefined {
    const networkIsFull = this.#isFull(network);
    if (!networkIsFull && this.#guests.size < this.#limits.maxUnauthenticated) return undefined;
    return this.#choose(networkIsFull ? network : undefined);
  }

  /**
   * The oldest of those who have been silent too long; if there is none, the oldest of the stage where most are. So an
   * attacker must be fast, and at every stage: whoever comes honestly has each time a good part of the room behind him.
   * @param network only those who come from there
   */
  #choose(network: string | undefined, except?: Duplex): Guest | undefined {
    const stages = { silent: new Crowd(), greeted: new Crowd(), keyed: new Crowd() };
    for (const guest of this.#guests.values()) {
      const matches = network === undefined || guest.network === network;
      if (matches && guest.socket !== except) stages[guest.stage].add(guest);
    }
    const { silent, greeted, keyed } = stages;
    if (silent.oldest && performance.now() - silent.oldest.since > PATIENCE_MS) return silent.oldest;
    return [greeted, keyed].reduce((most, other) => other.size > most.size ? other : most, silent).oldest;
  }

  #count(network: string, change: number): void {
    const count = (this.#perNetwork.get(network) ?? 0) + change;
    if (count > 0) this.#perNetwork.set(network, count);
    else this.#perNetwork.delete(network);
  }
}

/** Those at one stage. */
class Crowd {
  size = 0;
  oldest: Guest | undefined;

  add(guest: Guest): void {
    this.size++;
    this.oldest ??= guest;
  }
}
