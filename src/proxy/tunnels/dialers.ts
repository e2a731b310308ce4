/**
 * The tunnels that this proxy dials: a pool for each trusted cluster, as long as its administrator wants it.
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { identifyHost } from "../../api/identity.ts";
import type { HostCredentials } from "../../api/host_identity.ts";
import type { Clock } from "../../base/clock.ts";
import { dialThrough } from "../../base/connect_tunnel.ts";
import { dialTcp, formatHostPort, type HostPort } from "../../base/dial.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { ConnectProxy } from "../../base/proxy_choice.ts";
import { hostOf, portOf } from "../../model/server.ts";
import type { TunnelTarget } from "../../model/trusted_cluster.ts";
import { parsePublicKeyLine, type PublicKey } from "../../ssh/public_key.ts";
import { TunnelAgent } from "../../tunnel/agent.ts";
import { AgentPool } from "../../tunnel/agent_pool.ts";
import type { Hello } from "../../tunnel/control.ts";
import type { TransportRequest } from "../../tunnel/transport.ts";
import { tunnelUser } from "./hub_front.ts";

const log = logger("tunnel");

export interface DialersOptions {
  credentials(): HostCredentials;
  clock: Clock;
  /** The HTTP proxy on the way to a target, if there is one. @throws {AppError} bad_input */
  proxyFor(target: HostPort): ConnectProxy | undefined;
  /** Connects within this cluster for a client of another one. @throws {AppError} with a text for the client */
  connectHere(cluster: string, request: TransportRequest): Promise<Duplex>;
  /** Whether this cluster's proxies record, so that clients have to lend their agents. */
  records(): boolean;
  /** What this cluster states of its authorities. */
  statement(): string;
  /** What another cluster states of its. */
  learn(cluster: string, statement: string): void;
}

interface Wanted {
  target: TunnelTarget;
  keys: readonly PublicKey[];
  pool: AgentPool;
}

export class Dialers {
  readonly #options: DialersOptions;
  readonly #wanted = new Map<string, Wanted>();

  constructor(options: DialersOptions) {
    this.#options = options;
  }

  /** The clusters that are to be dialed from now on. Tunnels to others end at once. */
  want(targets: readonly TunnelTarget[]): void {
    for (const [cluster, { target, pool }] of this.#wanted) {
      const now = targets.find((one) => one.cluster === cluster);
      if (now && now.address === target.address) continue;
      this.#wanted.delete(cluster);
      pool.stop();
      log.info("the tunnels to cluster {cluster} are closed", { cluster });
    }
    for (const target of targets) {
      const keys = target.hostKeys.map((line) => parsePublicKeyLine(line).key);
      const known = this.#wanted.get(target.cluster);
      if (known) this.#update(known, target, keys);
      else this.#wanted.set(target.cluster, { target, keys, pool: this.#open(target) });
    }
  }

  /** The cluster has other keys: proxies may have other certificates now, and those of a dropped key are nobody. */
  #update(known: Wanted, target: TunnelTarget, keys: readonly PublicKey[]): void {
    const same = target.hostKeys.join("\n") === known.target.hostKeys.join("\n");
    Object.assign(known, { target, keys });
    if (same) return;
    known.pool.renew();
    known.pool.recheck(({ authority }) => keys.some((key) => key.equals(authority)));
  }

  #open({ cluster, address }: TunnelTarget): AgentPool {
    const { clock } = this.#options;
    const target = { host: hostOf(address), port: portOf(address) ?? 3024 };
    return new AgentPool({
      addresses: () => addressesOf(target, this.#options.proxyFor(target) !== undefined),
      connect: (at, onHello) => this.#connect(cluster, at, target, onHello),
      clock,
      report: (level, text) =>
        log[level]("trusted cluster {cluster} at {address}: {text}", { cluster, address, text }),
    });
  }

  async #connect(
    cluster: string,
    at: HostPort,
    named: HostPort,
    onHello: (hello: Hello) => void,
  ): Promise<TunnelAgent> {
    const { credentials, clock, connectHere, records, statement, learn, proxyFor } = this.#options;
    const proxy = proxyFor(named);
    const stream = proxy ? await dialThrough(proxy, at) : await dialTcp(at.host, at.port);
    const { key, certificate, hostId, cluster: own } = credentials();
    try {
      return await TunnelAgent.connect({
        stream,
        username: tunnelUser({ hostId, cluster: own }),
        credential: { key, certificate },
        verifyHost: (shown) =>
          identifyHost(shown, {
            trust: { cluster, host: this.#wanted.get(cluster)?.keys ?? [] },
            now: clock.now(),
            roles: ["proxy"],
          }).hostId,
        connect: (request) => connectHere(cluster, request),
        beat: () => ({ statement: statement(), records: records() }),
        onHello: (hello) => {
          learn(cluster, hello.statement);
          onHello(hello);
        },
        clock,
      });
    } catch (error) {
      if (!isAppError(error, "unauthenticated") || !/refused the login/.test(error.message)) throw error;
      throw new AppError(
        "unauthenticated",
        `cluster ${cluster} does not know this cluster (any more): an administrator there has removed it, or the ` +
          "authorities were rotated while there was no tunnel; remove the trusted cluster here and create it again",
        { cause: error },
      );
    }
  }

  /** What this cluster states may be something else now. */
  tellNow(): void {
    for (const { pool } of this.#wanted.values()) pool.tellNow();
  }

  /** This host has another certificate. */
  renew(): void {
    for (const { pool } of this.#wanted.values()) pool.renew();
  }

  /** How many tunnels stand. */
  get size(): number {
    return [...this.#wanted.values()].reduce((sum, { pool }) => sum + pool.agents.size, 0);
  }

  /** How many connections of the other clusters' users they carry. */
  get carried(): number {
    return [...this.#wanted.values()].flatMap(({ pool }) => [...pool.agents])
      .reduce((sum, { transports }) => sum + transports, 0);
  }

  drain(): void {
    for (const { pool } of this.#wanted.values()) pool.drain();
  }

  stop(): void {
    for (const { pool } of this.#wanted.values()) pool.stop();
    this.#wanted.clear();
  }
}

/** Every address of a name; behind an HTTP proxy that one looks it up. @throws {AppError} unavailable */
async function addressesOf(target: HostPort, throughProxy: boolean): Promise<HostPort[]> {
  if (throughProxy || isIP(target.host) !== 0) return [target];
  try {
    const found = await lookup(target.host, { all: true });
    return [...new Set(found.map(({ address }) => address))].map((host) => ({ host, port: target.port }));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new AppError("unavailable", `the name of ${formatHostPort(target)} cannot be resolved`, {
      cause: error,
    });
  }
}
