/**
 * The connections that have not logged in yet, and who of them has to go when there is no more room. Refusing newcomers
 * instead would let anybody who opens connections and says nothing lock everybody out until the grace time ends.
 * @module
 */
import type { Duplex } from "node:stream";
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
  stage: Stage;
  readonly since: number;
}

/** SSH clients speak at once: who has been silent for so long makes room first. In milliseconds. */
const PATIENCE_MS = 1000;

export class WaitingRoom {
  readonly #limits: WaitingRoomLimits;
  /** From the oldest to the newest. */
  readonly #guests = new Map<Duplex, Guest>();
  readonly #perAddress = new Map<string, number>();

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

  /** Lets a connection in. @returns the one that made room for it, if there was none; it is to be ended */
  enter(socket: Duplex, remote: Endpoint): { socket: Duplex; remote: Endpoint } | undefined {
    const goes = this.#makeRoom(remote.address);
    this.#guests.set(socket, { socket, remote, stage: "silent", since: performance.now() });
    this.#count(remote.address, 1);
    return goes;
  }

  /** A trusted relay told where the client really is. @returns as {@linkcode enter} */
  move(socket: Duplex, remote: Endpoint): { socket: Duplex; remote: Endpoint } | undefined {
    const guest = this.#guests.get(socket);
    if (!guest) return undefined;
    this.#count(guest.remote.address, -1);
    guest.remote = remote;
    const goes = this.#isFull(remote.address) ? this.#choose(remote.address, socket) : undefined;
    if (goes) this.leave(goes.socket);
    this.#count(remote.address, 1);
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
    this.#count(guest.remote.address, -1);
    return true;
  }

  #isFull(address: string): boolean {
    return (this.#perAddress.get(address) ?? 0) >= this.#limits.maxUnauthenticatedPerAddress;
  }

  #makeRoom(address: string): Guest | undefined {
    const addressIsFull = this.#isFull(address);
    if (!addressIsFull && this.#guests.size < this.#limits.maxUnauthenticated) return undefined;
    const goes = this.#choose(addressIsFull ? address : undefined);
    if (goes) this.leave(goes.socket);
    return goes;
  }

  /**
   * The oldest of those who have been silent too long; if there is none, the oldest of the stage where most are. So an
   * attacker must be fast, and at every stage: whoever comes honestly has each time a good part of the room behind him.
   * @param address only those who come from there
   */
  #choose(address: string | undefined, except?: Duplex): Guest | undefined {
    const stages = { silent: new Crowd(), greeted: new Crowd(), keyed: new Crowd() };
    for (const guest of this.#guests.values()) {
      const matches = address === undefined || guest.remote.address === address;
      if (matches && guest.socket !== except) stages[guest.stage].add(guest);
    }
    const { silent, greeted, keyed } = stages;
    if (silent.oldest && performance.now() - silent.oldest.since > PATIENCE_MS) return silent.oldest;
    return [greeted, keyed].reduce((most, other) => other.size > most.size ? other : most, silent).oldest;
  }

  #count(address: string, change: number): void {
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
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
