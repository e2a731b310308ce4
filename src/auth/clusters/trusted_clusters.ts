/**
 * Clusters that this one trusts and dials: their authorities, as pairing has shown them. What an administrator wants of
 * them is their `trusted_cluster` document.
 * @module
 */
import type { OpenedStatement } from "../../api/cluster_statement.ts";
import type { Trust } from "../../api/identity.ts";
import { AppError } from "../../base/errors.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import { DEFAULT_ROLE_MAP, type RoleMapping } from "../../model/role_map.ts";
import type { ClusterKeys, ForeignUsers, TunnelTarget } from "../../model/trusted_cluster.ts";
import { parsePublicKeyLine } from "../../ssh/public_key.ts";
import type { Backend, Key } from "../../store/backend.ts";
import { sameKeys } from "./remote_clusters.ts";

/** The authorities of a trusted cluster. */
export interface StoredTrust {
  cluster: string;
  user: string[];
  host: string[];
  /** By that cluster's clock, when it has stated these keys. */
  issued: number;
}

/** A document of kind `trusted_cluster`, as far as this depends on it. */
interface Wish {
  enabled: boolean;
  tunnel_addr?: string;
  role_map?: RoleMapping[];
}

const trustKey = (cluster: string): Key => ["trust", cluster];
const DEFAULT_TUNNEL_PORT = 3024;

export class TrustedClusters {
  #foreign: readonly ForeignUsers[] = [];
  #trust: NonNullable<Trust["foreign"]> = [];
  #known = "[]";

  /**
   * @param documents the documents of kind `trusted_cluster` that hold now
   * @param onChange called after other users are let in, or others tunnels are wanted
   */
  constructor(
    readonly backend: Backend,
    readonly documents: () => Promise<ResourceDocument[]>,
    readonly onChange: () => void,
  ) {}

  async get(cluster: string): Promise<StoredTrust | undefined> {
    const entry = await this.backend.get(trustKey(cluster));
    return entry && JSON.parse(entry.value);
  }

  async stored(): Promise<StoredTrust[]> {
    return (await this.backend.list(["trust"])).map(({ value }) => JSON.parse(value));
  }

  /** What an enabled document and a pairing make together. */
  async #enabled(): Promise<{ trust: StoredTrust; wish: Wish }[]> {
    const [documents, stored] = await Promise.all([this.documents(), this.stored()]);
    return documents.flatMap(({ metadata, spec }) => {
      const wish = spec as unknown as Wish;
      const trust = stored.find(({ cluster }) => cluster === metadata.name);
      return trust && wish.enabled ? [{ trust, wish }] : [];
    });
  }

  async tunnels(): Promise<TunnelTarget[]> {
    return (await this.#enabled()).map(({ trust: { cluster, host }, wish }) => ({
      cluster,
      address: withPort(wish.tunnel_addr || cluster, DEFAULT_TUNNEL_PORT),
      hostKeys: host,
    }));
  }

  /** Whose users are let in. */
  get foreign(): readonly ForeignUsers[] {
    return this.#foreign;
  }

  /** The same for checking certificates. */
  get trust(): NonNullable<Trust["foreign"]> {
    return this.#trust;
  }

  /** Takes over what is in the store; tells when that is something else than before. */
  async reload(): Promise<void> {
    const enabled = await this.#enabled();
    const known = JSON.stringify(enabled);
    if (known === this.#known) return;
    this.#known = known;
    this.#foreign = enabled.map(({ trust: { cluster, user }, wish }) => ({
      cluster,
      userKeys: user,
      roleMap: wish.role_map ?? DEFAULT_ROLE_MAP,
    }));
    this.#trust = enabled.map(({ trust: { cluster, user } }) => ({
      cluster,
      user: user.map((line) => parsePublicKeyLine(line).key),
    }));
    this.onChange();
  }

  /** The authorities as a pairing, or an administrator's backup, has them. */
  async keep({ cluster, user, host }: ClusterKeys, issued: number): Promise<void> {
    const trust: StoredTrust = { cluster, user: [...user], host: [...host], issued };
    await this.backend.commit([{ type: "put", key: trustKey(cluster), value: JSON.stringify(trust) }]);
  }

  /** @returns whether the keys are others than before */
  async learn({ cluster, user, host, issued }: OpenedStatement): Promise<boolean> {
    const entry = await this.backend.get(trustKey(cluster));
    const known: StoredTrust | undefined = entry && JSON.parse(entry.value);
    if (!known || issued <= known.issued) return false;
    if (sameKeys(known.user, user) && sameKeys(known.host, host)) return false;
    const trust: StoredTrust = { cluster, user: [...user], host: [...host], issued };
    const done = await this.backend.commit([
      { type: "check", key: trustKey(cluster), version: entry?.version },
      { type: "put", key: trustKey(cluster), value: JSON.stringify(trust) },
    ]);
    if (!done) throw new AppError("conflict", `the trust in cluster ${cluster} was changed meanwhile`);
    await this.reload();
    return true;
  }

  async forget(cluster: string): Promise<void> {
    await this.backend.commit([{ type: "delete", key: trustKey(cluster) }]);
    await this.reload();
  }
}

/** `host:port`, with a port where none is given. */
export function withPort(address: string, port: number): string {
  return /(?:^[^:]+|\]):\d+$/.test(address) ? address : `${address}:${port}`;
}
