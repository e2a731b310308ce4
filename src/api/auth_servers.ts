/**
 * The auth servers that a host knows: those of its configuration, and before them those that the cluster has told of.
 * It starts with any of them; one that does not answer at once is not waited for alone.
 * @module
 */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { dialTcp, formatHostPort, type HostPort } from "../base/dial.ts";
import { SECOND } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { hostOf, portOf } from "../model/server.ts";

/** A server that has not answered by then is tried on, beside the next one. */
const HEAD_START_MS = SECOND;
const DIAL_MS = 10 * SECOND;
/** More auth servers than a cluster has. */
const MAX_SERVERS = 64;

export class AuthServers {
  #list: readonly HostPort[];
  readonly #configured: readonly HostPort[];
  #first = 0;

  /** @param learned addresses that the cluster has told of in an earlier run */
  constructor(readonly clock: Clock, configured: readonly HostPort[], learned: readonly string[] = []) {
    this.#configured = configured;
    this.#list = [];
    this.learn(learned);
    // Hosts that start together do not all go to the same one.
    this.#first = Math.floor(Math.random() * Math.max(1, this.#list.length - configured.length));
  }

  get list(): readonly HostPort[] {
    return this.#list;
  }

  /** Takes over what the cluster says now. Those of the configuration stay, as the last resort. */
  learn(addresses: readonly string[]): void {
    const before = this.#list.map(formatHostPort);
    const current = before[this.#first % Math.max(1, before.length)];
    const servers = [...addresses.slice(0, MAX_SERVERS).flatMap(parse), ...this.#configured];
    const named = new Map(servers.map((server) => [formatHostPort(server), server]));
    this.#list = [...named.values()];
    const at = [...named.keys()].indexOf(current ?? "");
    this.#first = Math.max(0, at);
  }

  /** The one that answered last was of no use, or is gone: the next attempt begins with another one. */
  next(): void {
    this.#first++;
  }

  /** Connects to one of them. @throws {AppError} why the last one cannot be reached, when none can */
  async dial(): Promise<Socket> {
    const { length } = this.#list;
    const order = this.#list.map((_, i) => (this.#first + i) % length);
    if (length === 0) throw new AppError("bad_input", "no auth server is configured");
    const won = Promise.withResolvers<Socket>();
    let connected = false;
    let failed = 0;
    for (const index of order) {
      const server = this.#list[index];
      if (!server) continue;
      const attempt = dialTcp(server.host, server.port, DIAL_MS).then((socket) => {
        if (connected) return void socket.destroy(); // another one was quicker
        connected = true;
        this.#first = index;
        won.resolve(socket);
      }, (error: unknown) => {
        if (++failed === length) won.reject(error);
      });
      await this.#headStart(Promise.race([attempt, won.promise.then(() => {}, () => {})]));
      if (connected) break;
    }
    return await won.promise;
  }

  async #headStart(attempt: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.clock.after(HEAD_START_MS, resolve);
    await Promise.race([attempt, promise]);
    timer.cancel();
  }
}

/** An address as servers announce it; none for what is no address. */
function parse(address: string): HostPort[] {
  const port = portOf(address);
  const host = hostOf(address);
  return port === undefined || port < 1 || port > 65_535 || !/^[\w.:-]{1,253}$/.test(host)
    ? []
    : [{ host, port }];
}
