/**
 * Clusters that dial in, and tunnels, as resources: to look at, to end, and to restore out of a backup.
 * @module
 */
import { formatTime } from "../../model/resource/fields.ts";
import { document, type ResourceDocument } from "../../model/resource/envelope.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import type { Authorities } from "../ca/authorities.ts";
import { requireDistinct } from "../clusters/foreign_keys.ts";
import type { RemoteClusters } from "../clusters/remote_clusters.ts";
import type { TrustedClusters } from "../clusters/trusted_clusters.ts";
import type { Outcome, ReadableKind, RemovableKind, WritableKind } from "./kind.ts";

export class RemoteClusterResources implements WritableKind<"remote_cluster">, RemovableKind {
  constructor(
    readonly clusters: RemoteClusters,
    readonly trusted: TrustedClusters,
    readonly authorities: Authorities,
  ) {}

  /** A backup also holds the cluster's host CA: it would have to pair anew without. */
  async list(withSecrets = false): Promise<ResourceDocument[]> {
    return (await this.clusters.list()).map(({ name, hostKeys, online, lastHeartbeat }) =>
      document("remote_cluster", { name }, {
        ...(withSecrets ? { spec: { authorities: { host: [...hostKeys] } } } : {}),
        status: {
          connection: online ? "online" : "offline",
          ...(lastHeartbeat === undefined ? {} : { last_heartbeat: formatTime(lastHeartbeat) }),
        },
      })
    );
  }

  async get(name: string, withSecrets = false): Promise<ResourceDocument[]> {
    return (await this.list(withSecrets)).filter(({ metadata }) => metadata.name === name);
  }

  /** @throws {AppError} conflict, bad_input for keys that another cluster has, or a name that lies within another's */
  async put({ metadata: { name }, spec }: ParsedDocument<"remote_cluster">): Promise<Outcome> {
    const { host } = spec.authorities;
    const others = [
      ...(await this.trusted.stored()).map(({ cluster, user, host }) => ({
        cluster,
        keys: [...user, ...host],
      })),
      ...(await this.clusters.stored()).map((known) => ({ cluster: known.name, keys: known.hostKeys })),
    ].filter(({ cluster }) => cluster !== name);
    requireDistinct({ cluster: name, user: [], host }, this.authorities.keys(), others);
    return { change: await this.clusters.restore(name, host) ? "created" : "unchanged" };
  }

  remove(name: string): Promise<boolean> {
    return this.clusters.remove(name);
  }
}

/** Tunnels of both directions: those that this cluster dials, and those that end here. */
export class TunnelResources implements ReadableKind {
  constructor(readonly trusted: TrustedClusters, readonly remote: RemoteClusters) {}

  async list(): Promise<ResourceDocument[]> {
    const dialed = (await this.trusted.tunnels()).map(({ cluster, address }) =>
      document("tunnel", { name: cluster }, { spec: { cluster_name: cluster, dial_addrs: [address] } })
    );
    const ended = (await this.remote.tunnels()).map(({ cluster, proxy, lastHeartbeat }) =>
      document("tunnel", { name: `${cluster}-${proxy}` }, {
        spec: { cluster_name: cluster, proxy },
        status: { connection: "online", last_heartbeat: formatTime(lastHeartbeat) },
      })
    );
    return [...dialed, ...ended];
  }

  async get(name: string): Promise<ResourceDocument[]> {
    return (await this.list()).filter(({ metadata, spec }) =>
      metadata.name === name || spec?.cluster_name === name
    );
  }
}
