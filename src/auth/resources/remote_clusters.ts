/**
 * Clusters that dial in, and tunnels, as resources: to look at, and to end.
 * @module
 */
import { formatTime } from "../../model/resource/fields.ts";
import { document, type ResourceDocument } from "../../model/resource/envelope.ts";
import type { RemoteClusters } from "../clusters/remote_clusters.ts";
import type { TrustedClusters } from "../clusters/trusted_clusters.ts";
import type { ReadableKind, RemovableKind } from "./kind.ts";

export class RemoteClusterResources implements RemovableKind {
  constructor(readonly clusters: RemoteClusters) {}

  async list(): Promise<ResourceDocument[]> {
    return (await this.clusters.list()).map(({ name, online, lastHeartbeat }) =>
      document("remote_cluster", { name }, {
        status: {
          connection: online ? "online" : "offline",
          ...(lastHeartbeat === undefined ? {} : { last_heartbeat: formatTime(lastHeartbeat) }),
        },
      })
    );
  }

  async get(name: string): Promise<ResourceDocument[]> {
    return (await this.list()).filter(({ metadata }) => metadata.name === name);
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
