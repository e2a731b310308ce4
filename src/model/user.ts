/**
 * Cluster users.
 * @module
 */

/** Facts about a user that roles refer to: `{{internal.logins}}` is `traits.logins`. */
export type Traits = Record<string, string[]>;

/** Why and until when somebody may not log in. */
export interface UserLock {
  message: string;
  /** Milliseconds since the epoch. */
  since: number;
  /** Milliseconds since the epoch; never, when it is left out. */
  until?: number;
}

/** An account at an identity provider that this user is. */
export interface ExternalIdentity {
  connector: string;
  username: string;
}

/** The connector that made a user's record, and what its provider knows the user by. */
export interface UserConnector {
  kind: "github" | "oidc" | "saml";
  name: string;
  /** What the provider gives to nobody else. */
  identity: string;
}

/** A user as the cluster knows it, without secrets. */
export interface User {
  name: string;
  roles: string[];
  traits: Traits;
  /** Set by an administrator. Locks after failed logins are kept apart. */
  lock?: UserLock;
  /** Milliseconds since the epoch after which the user is gone. */
  expires?: number;
  /** Milliseconds since the epoch. */
  created: number;
  createdBy: string;
  /** Of users who log in through an identity provider, and in no other way. */
  connector?: UserConnector;
  identities?: { github?: ExternalIdentity[]; oidc?: ExternalIdentity[]; saml?: ExternalIdentity[] };
}

/** OS logins the user's own record grants. */
export function loginsOf(user: Pick<User, "traits">): readonly string[] {
  return user.traits.logins ?? [];
}

/** The role everybody gets unless told otherwise: all nodes, with the logins of the user's record. */
export const ADMIN_ROLE = "admin";

/** Why the user may do nothing at this time; undefined when they may. Locks after failed logins only stop logins. */
export function barred(user: Pick<User, "lock" | "expires">, now: number): string | undefined {
  if (user.expires !== undefined && user.expires <= now) return "the user has expired";
  const { lock } = user;
  if (!lock || lock.until !== undefined && lock.until <= now) return undefined;
  return `the user is locked${lock.message === "" ? "" : `: ${lock.message}`}`;
}

/**
 * The record of a user of an identity provider ends by itself and is made anew at the next login: one that is locked
 * stays as long as the lock does, so that nobody logs in past it.
 */
export function keepingLock<U extends User>(user: U): U {
  const { connector, lock, expires } = user;
  if (!connector || !lock || expires === undefined) return user;
  const { expires: _expires, ...lasting } = user;
  return lock.until === undefined ? lasting as U : { ...user, expires: Math.max(expires, lock.until) };
}
