/**
 * The tunnels that end here, by the cluster that they lead to: which stand, and connections through them. Logins are
 * somebody else's matter: it gets connections whose owner is known.
 * @module
 */
import type { Duplex } from "node:stream";
import { type Clock, every, type Timer } from "../base/clock.ts";
import { AppError, isAppError } from "../base/errors.ts";
import { TUNNEL } from "../model/limits.ts";
import type { HostIdentity } from "../model/identity.ts";
import type { ServerConnection } from "../ssh/server.ts";
import { type Beat, beatSchema, CONTROL_CHANNEL, ControlChannel, type Hello } from "./control.ts";
import { TRANSPORT_CHANNEL, transportFields, type TransportRequest } from "./transport.ts";

type TunnelConnection = ServerConnection<HostIdentity>;

interface Tunnel {
  connection: TunnelConnection;
  control: ControlChannel<Beat> | undefined;
  /** Milliseconds since the epoch. */
  heard: number;
  records: boolean;
}

/** How a cluster is reached from here. */
export interface TunnelStatus {
  /** Milliseconds since the epoch. */
  lastHeartbeat: number;
  tunnels: number;
  /** Its proxies record, and need their clients' agents. */
  records: boolean;
}

export interface HubOptions {
  clock: Clock;
  hello(): Omit<Hello, "type">;
  /** What a cluster states of its authorities. */
  onStatement(cluster: string, statement: string): void;
  /** A cluster's first tunnel came, or its last one went. */
  onStatus(cluster: string, online: boolean): void;
}

/** Proxies of one cluster, each perhaps twice while it is replaced. */
const MAX_TUNNELS = 256;
const OPEN_MS = 20_000;
/** How long a client may stay that is no agent: long enough to be told so. */
const STRANGER_MS = 3_000;

export class TunnelHub {
  readonly #options: HubOptions;
  readonly #tunnels = new Map<string, Set<Tunnel>>();
  readonly #sweeping: Timer;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#sweeping = every(options.clock, TUNNEL.heartbeat, () => this.#sweep());
  }

  /** A cluster's proxy has dialed in. */
  add(connection: TunnelConnection): void {
    const { cluster } = connection.identity;
    const tunnels = this.#tunnels.get(cluster) ?? new Set<Tunnel>();
    if (tunnels.size >= MAX_TUNNELS) return connection.close();
    const { clock } = this.#options;
    const tunnel: Tunnel = { connection, control: undefined, heard: clock.now(), records: false };
    connection.closed.then(() => this.#forget(cluster, tunnel));
    void this.#greet(tunnel, tunnels);
  }

  /** Only a tunnel whose agent has answered carries anything. */
  async #greet(tunnel: Tunnel, tunnels: Set<Tunnel>): Promise<void> {
    const { connection } = tunnel;
    const { cluster } = connection.identity;
    try {
      const stream = await connection.openChannel(CONTROL_CHANNEL, new Uint8Array());
      tunnel.control = new ControlChannel(stream, beatSchema, (beat) => this.#onBeat(tunnel, beat));
      tunnel.control.closed.then(() => connection.close());
      this.#hello(tunnel);
      const isFirst = tunnels.size === 0;
      this.#tunnels.set(cluster, tunnels.add(tunnel));
      if (isFirst) this.#options.onStatus(cluster, true);
    } catch (error) {
      if (!isAppError(error)) throw error;
      this.#options.clock.after(STRANGER_MS, () => connection.close()); // it may still ask for what there is not
    }
  }

  #onBeat(tunnel: Tunnel, { statement, records }: Beat): void {
    tunnel.heard = this.#options.clock.now();
    tunnel.records = records;
    if (statement !== undefined) this.#options.onStatement(tunnel.connection.identity.cluster, statement);
  }

  #hello({ control }: Tunnel): void {
    control?.send({ type: "hello", ...this.#options.hello() });
  }

  /** Tells every agent anew what there is to know. */
  greetAll(): void {
    for (const tunnels of this.#tunnels.values()) tunnels.forEach((tunnel) => this.#hello(tunnel));
  }

  #forget(cluster: string, tunnel: Tunnel): void {
    const tunnels = this.#tunnels.get(cluster);
    if (!tunnels?.delete(tunnel) || tunnels.size > 0) return;
    this.#tunnels.delete(cluster);
    this.#options.onStatus(cluster, false);
  }

  #sweep(): void {
    const now = this.#options.clock.now();
    for (const tunnels of this.#tunnels.values()) {
      for (const { heard, connection } of tunnels) {
        if (now - heard > TUNNEL.silence) connection.close();
      }
    }
  }

  /** Undefined when no tunnel of the cluster ends here. */
  status(cluster: string): TunnelStatus | undefined {
    const tunnels = [...this.#tunnels.get(cluster) ?? []];
    if (tunnels.length === 0) return undefined;
    return {
      lastHeartbeat: Math.max(...tunnels.map(({ heard }) => heard)),
      tunnels: tunnels.length,
      records: tunnels.some(({ records }) => records),
    };
  }

  /** The clusters that are reached from here. */
  get clusters(): string[] {
    return [...this.#tunnels.keys()];
  }

  /** How many tunnels end here. */
  get size(): number {
    return [...this.#tunnels.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Connects through a tunnel of the cluster.
   * @throws {AppError} unavailable without a tunnel; else what the other end says
   */
  async dial(cluster: string, request: TransportRequest): Promise<Duplex> {
    // The newest first: of an agent that was replaced, the older tunnel is about to go.
    const tunnels = [...this.#tunnels.get(cluster) ?? []].reverse();
    let trouble: unknown;
    for (const { connection } of tunnels) {
      try {
        return await this.#open(connection, request);
      } catch (error) {
        if (!isAppError(error, "closed") && !isAppError(error, "timeout")) throw error;
        trouble = error;
      }
    }
    throw trouble ?? new AppError("unavailable", `there is no tunnel from cluster "${cluster}"`);
  }

  async #open(connection: TunnelConnection, request: TransportRequest): Promise<Duplex> {
    const { clock } = this.#options;
    const opened = connection.openChannel(TRANSPORT_CHANNEL, transportFields(request));
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = clock.after(OPEN_MS, () => reject(new AppError("timeout", "the tunnel does not answer")));
    late.catch(() => opened.then((stream) => stream.destroy(), () => {}));
    try {
      return await Promise.race([opened, late]);
    } finally {
      timer.cancel();
    }
  }

  /** Ends the tunnels that `ends` names. */
  endIf(ends: (connection: TunnelConnection) => boolean): void {
    for (const tunnels of [...this.#tunnels.values()]) {
      for (const { connection } of [...tunnels]) if (ends(connection)) connection.close();
    }
  }

  stop(): void {
    this.#sweeping.cancel();
  }
}
