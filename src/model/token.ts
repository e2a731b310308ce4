/**
 * Join tokens and invitations as they are listed.
 * @module
 */
import { JOIN_ROLES, type JoinRole } from "./identity.ts";

/** What a join token may be good for: a role of a host, or another cluster's tunnel to this one. */
export type TokenRole = JoinRole | "trusted_cluster";

export const TOKEN_ROLES = [...JOIN_ROLES, "trusted_cluster"] as const satisfies readonly TokenRole[];

export function isJoinRole(role: string): role is JoinRole {
  return JOIN_ROLES.some((known) => known === role);
}

/** What `tctl tokens ls` shows. */
export interface TokenRecord {
  token: string;
  roles: (TokenRole | "signup")[];
  /** Milliseconds since the epoch; undefined when it never expires. */
  expires?: number;
  /** True for a token of the configuration file. */
  static: boolean;
  /** For invitations: whose. */
  user?: string;
}
