/**
 * Clusters that trust this one and dial in: their host CAs, and which of them are connected.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { TUNNEL } from "../../model/limits.ts";
import type { RemoteCluster } from "../../model/trusted_cluster.ts";
import type { OpenedStatement } from "../../api/cluster_statement.ts";
import type { Backend, Key } from "../../store/backend.ts";

/** What is kept of a cluster. */
export interface StoredRemote {
  name: string;
  hostKeys: string[];
  /** By that cluster's clock, when it has stated these keys. */
  issued: number;
  /** Names the token that it came with. */
  tokenId: string;
  /** Milliseconds since the epoch. */
  paired: number;
}

/** A tunnel, as the proxy tells where it ends. */
interface StoredTunnel {
  cluster: string;
  proxy: string;
  lastHeartbeat: number;
}

const MAX_REMOTE = 1000;
const remoteKey = (name: string): Key => ["remote_cluster", name];
const seenKey = (name: string): Key => ["remote_cluster_seen", name];
const tunnelKey = (proxy: string, name: string): Key => ["tunnel", proxy, name];

export class RemoteClusters {
  /** @param onChange called after a cluster came, went or has other keys, or a tunnel came or went */
  constructor(readonly backend: Backend, readonly clock: Clock, readonly onChange: () => void) {}

  async get(name: string): Promise<StoredRemote | undefined> {
    const entry = await this.backend.get(remoteKey(name));
    return entry && JSON.parse(entry.value);
  }

  async stored(): Promise<StoredRemote[]> {
    return (await this.backend.list(["remote_cluster"])).map(({ value }) => JSON.parse(value));
  }

  /** The tunnels that stand, by the proxies where they end. */
  async tunnels(): Promise<StoredTunnel[]> {
    return (await this.backend.list(["tunnel"])).map(({ value }) => JSON.parse(value));
  }

  async list(): Promise<RemoteCluster[]> {
    const [stored, tunnels, seen] = await Promise.all([
      this.stored(),
      this.tunnels(),
      this.backend.list(["remote_cluster_seen"]),
    ]);
    const times = new Map<string, number>(
      seen.map(({ key, value }) => [key.at(-1) ?? "", JSON.parse(value)]),
    );
    return stored.map(({ name, hostKeys }) => {
      const own = tunnels.filter(({ cluster }) => cluster === name);
      const known = [times.get(name), ...own.map(({ lastHeartbeat }) => lastHeartbeat)]
        .filter((time) => time !== undefined);
      return {
        name,
        hostKeys,
        online: own.length > 0,
        ...(known.length > 0 ? { lastHeartbeat: Math.max(...known) } : {}),
      };
    });
  }

  /**
   * A cluster that has proved a token. One of the same name with other keys stays: whoever holds a token must not speak
   * for a cluster that is known.
   * @throws {AppError} already_exists, limit, or conflict when it was changed meanwhile
   */
  async register({ cluster, host, issued }: OpenedStatement, tokenId: string): Promise<"new" | "known"> {
    const entry = await this.backend.get(remoteKey(cluster));
    const known: StoredRemote | undefined = entry && JSON.parse(entry.value);
    if (known && !host.some((key) => known.hostKeys.includes(key))) {
      throw new AppError(
        "already_exists",
        `another cluster "${cluster}" is known already; if it was set up anew, an administrator removes the old one: ` +
          `tctl rm rc/${cluster}`,
      );
    }
    if (!known && (await this.stored()).length >= MAX_REMOTE) {
      throw new AppError("limit", `${MAX_REMOTE} clusters are known already, which is the limit`);
    }
    const remote: StoredRemote = {
      name: cluster,
      hostKeys: [...host],
      issued,
      tokenId,
      paired: this.clock.now(),
    };
    await this.#put(remote, entry?.version);
    return known ? "known" : "new";
  }

  /**
   * A cluster out of a backup. What it states of itself when it dials in is newer.
   * @returns false when it is known already, which stays as it is
   */
  async restore(name: string, hostKeys: readonly string[]): Promise<boolean> {
    if (await this.get(name)) return false;
    const paired = this.clock.now();
    await this.#put({ name, hostKeys: [...hostKeys], issued: 0, tokenId: "", paired }, undefined);
    return true;
  }

  /** @returns whether the keys are others than before */
  async learn({ cluster, host, issued }: OpenedStatement): Promise<boolean> {
    const entry = await this.backend.get(remoteKey(cluster));
    const known: StoredRemote | undefined = entry && JSON.parse(entry.value);
    if (!known || issued <= known.issued || sameKeys(known.hostKeys, host)) return false;
    await this.#put({ ...known, hostKeys: [...host], issued }, entry?.version);
    return true;
  }

  async #put(remote: StoredRemote, version: string | undefined): Promise<void> {
    const key = remoteKey(remote.name);
    const done = await this.backend.commit([
      { type: "check", key, version },
      { type: "put", key, value: JSON.stringify(remote) },
    ]);
    if (!done) throw new AppError("conflict", `cluster ${remote.name} was changed meanwhile; try again`);
    this.onChange();
  }

  /** @returns false when there is none of this name */
  async remove(name: string): Promise<boolean> {
    if (!await this.get(name)) return false;
    const tunnels = (await this.tunnels()).filter(({ cluster }) => cluster === name);
    await this.backend.commit([
      { type: "delete", key: remoteKey(name) },
      { type: "delete", key: seenKey(name) },
      ...tunnels.slice(0, 64).map(({ proxy }) => ({ type: "delete" as const, key: tunnelKey(proxy, name) })),
    ]);
    this.onChange();
    return true;
  }

  /** The tunnels that end at a proxy, all of them: what is left out has ended. */
  async report(proxy: string, told: readonly { cluster: string; lastHeartbeat: number }[]): Promise<void> {
    const now = this.clock.now();
    const names = new Set((await this.stored()).map(({ name }) => name));
    const before = new Set(
      (await this.backend.list(["tunnel", proxy])).map(({ key }) => key.at(-1) ?? ""),
    );
    const here = told.filter(({ cluster }) => names.has(cluster));
    const ended = [...before].filter((name) => !here.some(({ cluster }) => cluster === name));
    for (const { cluster, lastHeartbeat } of here) {
      const time = Math.min(lastHeartbeat, now);
      const tunnel: StoredTunnel = { cluster, proxy, lastHeartbeat: time };
      await this.backend.commit([
        {
          type: "put",
          key: tunnelKey(proxy, cluster),
          value: JSON.stringify(tunnel),
          expires: now + TUNNEL.ttl,
        },
        { type: "put", key: seenKey(cluster), value: JSON.stringify(time) },
      ]);
    }
    for (const name of ended) await this.backend.commit([{ type: "delete", key: tunnelKey(proxy, name) }]);
    if (ended.length > 0 || here.some(({ cluster }) => !before.has(cluster))) this.onChange();
  }
}

/** Whether two lists hold the same keys in the same order: the first one is what signs. */
export function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i]);
}
