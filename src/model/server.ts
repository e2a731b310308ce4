/**
 * The cluster's members as they announce themselves.
 * @module
 */
import type { JoinRole } from "./identity.ts";

/** A running auth, proxy or node. */
export interface ServerRecord {
  /** The host's uuid. */
  id: string;
  role: JoinRole;
  /** The node name. */
  name: string;
  /** Where it is reached, `host:port`. */
  address: string;
  labels: Record<string, string>;
  version: string;
  /** Milliseconds since the epoch. */
  lastSeen: number;
}

/** A proxy's public addresses, announced with its record. */
export interface ProxyAddresses {
  web: string;
  ssh: string;
  tunnel: string;
}

/**
 * The nodes that a user means by `target`: by uuid, by name, or by address. The newest of the same name comes first.
 */
export function findNodes<T extends Pick<ServerRecord, "id" | "name" | "address" | "lastSeen">>(
  nodes: Iterable<T>,
  target: string,
): T[] {
  const wanted = target.toLowerCase();
  const matches = [...nodes].filter((node) =>
    node.id === wanted || node.name.toLowerCase() === wanted || hostOf(node.address) === wanted ||
    node.address.toLowerCase() === wanted
  );
  return matches.sort((a, b) => b.lastSeen - a.lastSeen);
}

/** The host part of `host:port` or `[ipv6]:port`, in lower case. */
export function hostOf(address: string): string {
  const match = /^\[(.+)\](?::\d+)?$/.exec(address) ?? /^([^:]+)(?::\d+)?$/.exec(address);
  return (match?.[1] ?? address).toLowerCase();
}

/** The port part of `host:port`, or undefined. */
export function portOf(address: string): number | undefined {
  const match = /(?:^[^:]+|\]):(\d+)$/.exec(address);
  return match ? Number(match[1]) : undefined;
}
