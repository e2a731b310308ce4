/**
 * What nodes and proxies know about users and roles, so that they can decide without asking.
 * @module
 */
import { traitOf } from "./login_template.ts";
import type { Role } from "./role.ts";
import type { ForeignUsers } from "./trusted_cluster.ts";
import type { Traits, User } from "./user.ts";

/** How sessions end by themselves, in the whole cluster; a role may be stricter. */
export interface SessionPolicy {
  /** Milliseconds; 0 is never. */
  clientIdleTimeout: number;
  disconnectExpiredCert: boolean;
}

/** A user, as far as hosts need to know. */
export type KnownUser = Pick<User, "name" | "roles" | "traits" | "lock" | "expires">;

export interface AccessSnapshot {
  roles: Role[];
  users: KnownUser[];
  sessions: SessionPolicy;
  /** Other clusters, whose users are let in with the roles that theirs are mapped to. */
  foreign?: readonly ForeignUsers[];
}

/** Leaves out of the users' records what no decision of a host depends on: who knows it can leak it. */
export function accessSnapshot(
  roles: readonly Role[],
  users: readonly User[],
  sessions: SessionPolicy,
  foreign: readonly ForeignUsers[] = [],
): AccessSnapshot {
  const needed = new Set(
    roles.flatMap(({ allow, deny }) => [...allow.logins, ...deny.logins]).map(traitOf),
  );
  const known = (traits: Traits) =>
    Object.fromEntries(Object.entries(traits).filter(([name]) => needed.has(name)));
  return {
    roles: [...roles],
    users: users.map(({ name, roles, traits, lock, expires }) => ({
      name,
      roles,
      traits: known(traits),
      lock,
      expires,
    })),
    sessions,
    ...(foreign.length > 0 ? { foreign } : {}),
  };
}
