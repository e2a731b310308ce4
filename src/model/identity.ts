/**
 * Who is asking. An identity is made from a verified certificate or a proven join token, in `src/api/identity.ts` and
 * nowhere else.
 * @module
 */

/** What a host certificate is for; each certificate carries exactly one. */
export type SystemRole = "auth" | "proxy" | "node" | "admin";

export const SYSTEM_ROLES: readonly SystemRole[] = ["auth", "proxy", "node", "admin"];

/** The roles a join token may grant. */
export type JoinRole = Exclude<SystemRole, "admin">;

export const JOIN_ROLES: readonly JoinRole[] = ["auth", "proxy", "node"];

/** A part of the cluster itself. */
export interface HostIdentity {
  readonly kind: "host";
  readonly role: SystemRole;
  readonly hostId: string;
  readonly cluster: string;
}

/** A person (or a robot) with a user certificate. */
export interface UserIdentity {
  readonly kind: "user";
  /** Of another cluster's user with that cluster before it, see `foreignUserName`: never the name of a user of this one. */
  readonly name: string;
  /** As the certificate has them; undefined when it was made without roles, for OpenSSH 7.1 and older. */
  readonly roles: readonly string[] | undefined;
  /** The OS users this certificate may become: its principals. */
  readonly logins: readonly string[];
  /** The cluster whose CA verified the certificate. */
  readonly cluster: string;
  /** That is another cluster than this one, which it trusts. */
  readonly foreign?: true;
  readonly permits: ReadonlySet<Permit>;
  /** The command this certificate is bound to, if any. */
  readonly forceCommand?: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

/** A host that proved a join token and may do nothing but join. */
export interface JoinerIdentity {
  readonly kind: "joiner";
  readonly roles: readonly JoinRole[];
  /** Names the token without giving it away. */
  readonly tokenId: string;
  /** The only host id this token may be used for, if it is bound to one. */
  readonly hostId?: string;
}

export type Identity = HostIdentity | UserIdentity | JoinerIdentity;

/** What a user certificate's extensions allow (OpenSSH PROTOCOL.certkeys, `permit-*`). */
export type Permit = "pty" | "port-forwarding" | "agent-forwarding" | "X11-forwarding";

export const PERMITS: readonly Permit[] = ["pty", "port-forwarding", "agent-forwarding", "X11-forwarding"];

/** The same person with fewer permits: those that are not among `granted` are gone. */
export function withPermits(identity: UserIdentity, granted: ReadonlySet<Permit>): UserIdentity {
  return { ...identity, permits: new Set([...identity.permits].filter((permit) => granted.has(permit))) };
}

/** The identity in a few words, for log lines and events. */
export function describe(identity: Identity): string {
  switch (identity.kind) {
    case "host":
      return `${identity.role} ${identity.hostId}`;
    case "user":
      return identity.name;
    case "joiner":
      return `a host with join token ${identity.tokenId}`;
  }
}
