/**
 * From a client's wish to a stream: to a node, to the auth server, never anywhere else unless configured.
 * @module
 */
import type { Duplex } from "node:stream";
import {
  authTarget,
  type ClientAddress,
  clientAddressLine,
  type RelayedClient,
} from "../api/client_address.ts";
import type { HostCredentials } from "../api/host_identity.ts";
import type { Trust } from "../api/identity.ts";
import type { Clock } from "../base/clock.ts";
import { formatHostPort } from "../base/dial.ts";
import { AppError, isAppError } from "../base/errors.ts";
import { hostOf, portOf, type ServerRecord } from "../model/server.ts";
import { printable, type PublicKey } from "../ssh/public_key.ts";
import type { TransportTarget } from "../tunnel/transport.ts";
import type { NodeDirectory } from "./node_directory.ts";

const SSH_PORT = 22;

/** Where a client wants to go. */
export type Destination = NodeDestination | { kind: "auth"; cluster: string };

/** A host, which need not be a node of ours. */
export interface NodeDestination {
  kind: "node";
  host: string;
  port: number;
  cluster?: string;
}

/** The host that a destination means. */
export interface Target {
  /** As the client wrote it. */
  host: string;
  /** `host:port` */
  address: string;
  /** Absent: it is no registered node, like an OpenSSH server. */
  node?: ServerRecord;
  /** Absent: it is of this cluster. Else its cluster, whose host CA vouches for it and whose own hosts decide. */
  site?: Pick<Trust, "cluster" | "host">;
  /** Connects to it. @param recorded this proxy records what is done there, so that a node need not */
  open(recorded: boolean): Promise<Duplex>;
}

/**
 * Parses what follows `proxy:` in a subsystem request: `host:port`, `host:port@cluster`, `@cluster`.
 * @throws {AppError} bad_input
 */
export function parseDestination(text: string): Destination {
  const at = text.lastIndexOf("@");
  const cluster = at >= 0 ? text.slice(at + 1) : undefined;
  const target = at >= 0 ? text.slice(0, at) : text;
  if (target === "" && cluster) return { kind: "auth", cluster };
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]@\s]+))(?::(\d{1,5}))?$/.exec(target);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 0);
  if (!host || port > 65535 || cluster === "") {
    throw new AppError(
      "bad_input",
      `"proxy:${printable(text)}" is not a destination; write proxy:host:port or proxy:host:port@cluster`,
    );
  }
  return { kind: "node", host, port, cluster };
}

/** Whether a node is there for the one who asks. A host that is no registered node has no labels. */
export type IsVisible = (node: Pick<ServerRecord, "name" | "labels">) => boolean;

export interface RouterOptions {
  cluster(): string;
  directory: NodeDirectory;
  credentials(): HostCredentials;
  dial(host: string, port: number): Promise<Duplex>;
  dialAuth(): Promise<Duplex>;
  clock: Clock;
  /** Dial names that are no registered nodes. Off unless configured: else the proxy is an open relay. */
  allowUnregistered: boolean;
  /** The way into other clusters. */
  links: SiteLinks;
}

/** Other clusters, as far as the way to their hosts goes. */
export interface SiteLinks {
  hostKeysOf(cluster: string): readonly PublicKey[] | undefined;
  /** @throws {AppError} not_found, unavailable; else what the other cluster says */
  connect(cluster: string, to: TransportTarget, client: ClientAddress): Promise<Duplex>;
}

export class Router {
  constructor(readonly options: RouterOptions) {}

  /**
   * @param visible what the client may not reach is not there for it, as in its listings
   * @throws {AppError} with a text for the client
   */
  async connect(destination: Destination, client: ClientAddress, visible: IsVisible): Promise<Duplex> {
    if (destination.kind === "node") return await (await this.find(destination, client, visible)).open(false);
    const { cluster, dialAuth, credentials, clock, links } = this.options;
    if (destination.cluster !== cluster()) {
      return await links.connect(destination.cluster, { kind: "auth" }, client);
    }
    const stream = await dialAuth();
    stream.write(clientAddressLine(client, authTarget(cluster()), credentials(), clock.now()));
    return stream;
  }

  /**
   * The host that a client means, without a connection to it.
   * @param visible as in {@linkcode connect}
   * @throws {AppError} with a text for the client
   */
  async find(destination: NodeDestination, client: ClientAddress, visible: IsVisible): Promise<Target> {
    const { host, port, cluster } = destination;
    if (cluster !== undefined && cluster !== this.options.cluster()) {
      return this.#elsewhere({ ...destination, cluster }, client);
    }
    const { directory, dial } = this.options;
    // Not for clients of another cluster: what these may reach here is what has joined.
    const allowUnregistered = this.options.allowUnregistered && client.via === undefined;
    let node;
    let hidden = false;
    const sees = (node: ServerRecord) => {
      const seen = visible(node);
      hidden ||= !seen;
      return seen;
    };
    try {
      node = await directory.find(withoutCluster(printable(host), this.options.cluster()), port, sees);
    } catch (error) {
      if (!allowUnregistered || hidden || !isAppError(error, "not_found")) throw error;
      if (!visible({ name: host, labels: {} })) throw error;
      const at = { host, port: port === 0 ? SSH_PORT : port };
      return { host, address: formatHostPort(at), open: () => dial(at.host, at.port) };
    }
    return {
      host,
      address: node.address,
      node,
      open: (recorded) => this.#openNode(node, { ...client, recorded }),
    };
  }

  /** The other cluster looks for the host itself, and decides on who comes. */
  #elsewhere({ host, port, cluster }: NodeDestination & { cluster: string }, client: ClientAddress): Target {
    const { links } = this.options;
    return {
      host,
      address: `${formatHostPort({ host, port })}@${cluster}`,
      site: { cluster, host: links.hostKeysOf(cluster) ?? [] },
      open: () => links.connect(cluster, { kind: "node", host, port }, client),
    };
  }

  async #openNode(node: ServerRecord, client: RelayedClient): Promise<Duplex> {
    const { credentials, clock } = this.options;
    const stream = await this.#dialNode(node);
    stream.write(clientAddressLine(client, node.id, credentials(), clock.now()));
    return stream;
  }

  /** A node that has just been started anew may listen elsewhere than this proxy has heard. */
  async #dialNode(node: ServerRecord): Promise<Duplex> {
    const { directory, dial } = this.options;
    const dialAt = (address: string) => dial(hostOf(address), portOf(address) ?? 3022);
    try {
      return await dialAt(node.address);
    } catch (error) {
      if (!isAppError(error, "unavailable")) throw error;
      await directory.refresh();
      const now = directory.nodes.find(({ id }) => id === node.id);
      if (!now || now.address === node.address) throw error;
      return await dialAt(now.address);
    }
  }
}

/** `luna.main` in cluster `main` means `luna`: so that OpenSSH's known_hosts pattern `*.main` fits. */
function withoutCluster(host: string, cluster: string): string {
  return host.endsWith(`.${cluster}`) ? host.slice(0, -cluster.length - 1) : host;
}
