/**
 * Clusters that know each other. The trusting one ("east") dials out to the trusted one ("main") and lets in users whose
 * certificates that one's user CA has signed; the trusted one reaches it through its tunnel.
 * @module
 */
import type { RoleMapping } from "./role_map.ts";

/** A cluster whose users are let in, as hosts that decide know it. */
export interface ForeignUsers {
  cluster: string;
  /** Its user CA, as OpenSSH public key lines. */
  userKeys: readonly string[];
  roleMap: readonly RoleMapping[];
}

/** A cluster that this one trusts, as the proxies that dial it know it. */
export interface TunnelTarget {
  cluster: string;
  /** `host:port` */
  address: string;
  /** Its host CA, as OpenSSH public key lines. */
  hostKeys: readonly string[];
}

/** A cluster that trusts this one and dials in. */
export interface RemoteCluster {
  name: string;
  /** Its host CA, as OpenSSH public key lines. */
  hostKeys: readonly string[];
  online: boolean;
  /** Milliseconds since the epoch; absent when it has never been connected. */
  lastHeartbeat?: number;
}

/** The certificate authorities of a cluster, as it states them about itself. */
export interface ClusterKeys {
  cluster: string;
  user: readonly string[];
  host: readonly string[];
}

/**
 * Whether two cluster names could be taken for each other: they are the same, or one lies below the other, so that a
 * `known_hosts` pattern such as `*.main` would cover hosts of both.
 */
export function namesOverlap(a: string, b: string): boolean {
  const [one, other] = [a.toLowerCase(), b.toLowerCase()];
  return one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);
}
