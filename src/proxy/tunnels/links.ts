/**
 * This proxy's links to other clusters: what auth knows of them, tunnels that come in, tunnels that are dialed, and
 * statements about authorities that are carried between the two auth servers. Fetched anew whenever something changes.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Caller } from "../../api/client.ts";
import type { Output } from "../../api/contract.ts";
import type { ClientAddress } from "../../api/client_address.ts";
import { coalesced } from "../../base/coalesced.ts";
import { type Clock, every, type Timer } from "../../base/clock.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { EventFields } from "../../model/event.ts";
import type { HostIdentity } from "../../model/identity.ts";
import { TUNNEL } from "../../model/limits.ts";
import { parsePublicKeyLine, printable, type PublicKey } from "../../ssh/public_key.ts";
import type { ServerConnection } from "../../ssh/server.ts";
import { signerOf } from "../../api/identity.ts";
import { TunnelHub, type TunnelStatus } from "../../tunnel/hub.ts";
import type { TransportTarget } from "../../tunnel/transport.ts";
import { Dialers, type DialersOptions } from "./dialers.ts";
import { type JobSurroundings, takeJobs } from "./pairing_jobs.ts";

const log = logger("tunnel");

type Tunnels = Output<"clusters.tunnels">;

/** However often another cluster states something, auth hears of it no more often than this. */
const LEARN_MS = 500;
/** When auth is away, or was busy with another statement. */
const LEARN_AGAIN_MS = 10_000;
const REFUSALS: ReadonlySet<string> = new Set(["unauthenticated", "bad_input", "not_found", "access_denied"]);

/** Another cluster, as this proxy's users see it. */
export interface Site {
  name: string;
  status: "online" | "offline";
  /** Milliseconds since the epoch; undefined when it has never been connected. */
  lastConnected: number | undefined;
  /** Its proxies record, and need their clients' agents. */
  records: boolean;
}

export interface LinksOptions extends JobSurroundings, Omit<DialersOptions, "learn" | "statement"> {
  api: Caller;
  clock: Clock;
  /** This proxy's id. */
  hostId: string;
  /** Reports an audit event. */
  emit(event: EventFields): void;
}

export class ClusterLinks {
  readonly hub: TunnelHub;
  readonly #options: LinksOptions;
  readonly #dialers: Dialers;
  readonly #reporting: Timer;
  #known: Tunnels | undefined;
  #hostKeys = new Map<string, readonly PublicKey[]>();
  #proxies: string[] = [];
  #leaving = false;
  /** Statements that were passed on, by cluster. */
  readonly #passed = new Map<string, string>();
  /** Statements that are about to be. */
  readonly #stated = new Map<string, string>();

  constructor(options: LinksOptions) {
    this.#options = options;
    const { clock, emit } = options;
    this.hub = new TunnelHub({
      clock,
      hello: () => ({
        proxies: this.#proxies,
        statement: this.#known?.statement ?? "",
        leaving: this.#leaving,
      }),
      onStatement: (cluster, statement) => this.#learn(cluster, statement),
      onStatus: (cluster, online) => {
        log.info("cluster {cluster} is {status}", { cluster, status: online ? "online" : "offline" });
        emit({ event: online ? "tunnel.open" : "tunnel.close", cluster });
        void this.#report();
      },
    });
    this.#dialers = new Dialers({
      ...options,
      learn: (cluster, statement) => this.#learn(cluster, statement),
      statement: () => this.#known?.statement ?? "",
    });
    this.#reporting = every(clock, TUNNEL.report, () => this.#report());
  }

  /** Fetches what auth knows. */
  readonly refresh = coalesced(async () => {
    const { api, hostId } = this.#options;
    const [known, proxies] = await Promise.all([
      api.call("clusters.tunnels", {}),
      api.call("servers.list", { role: "proxy" }),
    ]);
    const before = this.#known;
    this.#known = known;
    // What others may take as proof of a tunnel to every proxy must name this one too, even before it has announced itself.
    this.#proxies = [...new Set([hostId, ...proxies.map(({ id }) => id)])].sort();
    this.#hostKeys = new Map(
      known.remote.map(({ name, hostKeys }) => [name, hostKeys.map((line) => parsePublicKeyLine(line).key)]),
    );
    this.hub.endIf((connection) => !this.#isPaired(connection));
    this.hub.greetAll();
    this.#dialers.want(known.trusted);
    if (known.statement !== before?.statement) this.#dialers.tellNow();
    await takeJobs(this.#options, this.#options.proxyFor);
  });

  /** As {@linkcode refresh}; while auth is away, what is known will do. */
  async tryRefresh(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.warn("what auth knows of other clusters could not be asked for: {error}", { error: error.message });
    }
  }

  #isPaired({ identity }: ServerConnection<HostIdentity>): boolean {
    const signer = signerOf(identity);
    return signer !== undefined &&
      this.hostKeysOf(identity.cluster)?.some((key) => key.equals(signer)) === true;
  }

  hostKeysOf(cluster: string): readonly PublicKey[] | undefined {
    return this.#hostKeys.get(cluster);
  }

  /** The clusters where users of this one can go. */
  sites(): Site[] {
    return (this.#known?.remote ?? []).map(({ name, lastHeartbeat }) => {
      const status = this.hub.status(name);
      return {
        name,
        status: status ? "online" : "offline",
        lastConnected: status?.lastHeartbeat ?? lastHeartbeat,
        records: status?.records ?? false,
      };
    });
  }

  knows(cluster: string): boolean {
    return this.#hostKeys.has(cluster);
  }

  status(cluster: string): TunnelStatus | undefined {
    return this.hub.status(cluster);
  }

  /** @throws {AppError} not_found, unavailable; else what the other cluster says */
  async connect(cluster: string, to: TransportTarget, client: ClientAddress): Promise<Duplex> {
    const known = this.#known?.remote.find(({ name }) => name === cluster);
    if (!known) {
      throw new AppError(
        "not_found",
        `cluster "${printable(cluster)}" is not known here; "tsh clusters" lists the clusters`,
      );
    }
    if (!this.hub.status(cluster)) {
      throw new AppError(
        "unavailable",
        `cluster "${cluster}" is offline: it has no tunnel to this proxy` +
          (known.online ? ", though it has one to another proxy of this cluster" : ""),
      );
    }
    const { address, port } = client;
    return await this.hub.dial(cluster, { to, client: { address, port } });
  }

  /** Hands on what another cluster states of itself, the last that it has stated in a while; auth judges it. */
  #learn(cluster: string, statement: string): void {
    if (statement === "" || this.#passed.get(cluster) === statement) return;
    const waits = this.#stated.has(cluster);
    this.#stated.set(cluster, statement);
    if (!waits) this.#options.clock.after(LEARN_MS, () => void this.#passOn(cluster));
  }

  async #passOn(cluster: string): Promise<void> {
    const statement = this.#stated.get(cluster) ?? "";
    this.#stated.delete(cluster);
    this.#passed.set(cluster, statement);
    try {
      await this.#options.api.call("clusters.learn", { statement });
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (this.#passed.get(cluster) === statement) this.#passed.delete(cluster);
      if (!REFUSALS.has(error.code)) {
        return void this.#options.clock.after(LEARN_AGAIN_MS, () => this.#learn(cluster, statement));
      }
      log.warn("what cluster {cluster} states of its authorities is not believed: {error}", {
        cluster,
        error: error.message,
      });
    }
  }

  async #report(): Promise<void> {
    const tunnels = this.hub.clusters.flatMap((cluster) => {
      const status = this.hub.status(cluster);
      return status ? [{ cluster, lastHeartbeat: status.lastHeartbeat }] : [];
    });
    try {
      await this.#options.api.call("clusters.report", { tunnels });
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.debug("tunnels could not be reported: {error}", { error: messageOf(error) });
    }
  }

  /** This host has another certificate. */
  renewed(): void {
    this.#dialers.renew();
  }

  /** How many connections of other clusters' users come through here. */
  get carried(): number {
    return this.#dialers.carried;
  }

  counts(): Record<string, number> {
    return { tunnels_in: this.hub.size, tunnels_out: this.#dialers.size, tunnelled: this.carried };
  }

  /** Takes no new tunnels, and tells those that stand to look for another proxy. */
  drain(): void {
    this.#leaving = true;
    this.hub.greetAll();
    this.#dialers.drain();
  }

  stop(): void {
    this.#reporting.cancel();
    this.hub.stop();
    this.#dialers.stop();
  }
}
