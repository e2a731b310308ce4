/**
 * Who may make an API call. Every entry of the contract names a rule; without one it does not compile.
 * @module
 */
import type { Identity, SystemRole } from "../model/identity.ts";
import { ADMIN_ROLE } from "../model/user.ts";

/** Decides on the identity alone; what depends on the input is checked by the handler. */
export type AccessRule = (identity: Identity) => boolean;

/** Hosts with one of these roles. */
export function hosts(...roles: SystemRole[]): AccessRule {
  return (identity) => identity.kind === "host" && roles.includes(identity.role);
}

/** The administrator's own identity, which lies in the auth server's data directory. */
export const administrator: AccessRule = hosts("admin");

/** Any user of the cluster. */
export const users: AccessRule = (identity) => identity.kind === "user";

/** Users with the admin role. */
export const adminUsers: AccessRule = (identity) =>
  identity.kind === "user" && identity.roles.includes(ADMIN_ROLE);

/** A host that proved a join token and has no certificate yet. */
export const joiners: AccessRule = (identity) => identity.kind === "joiner";

/** Any host or user of the cluster, but no joiner. */
export const members: AccessRule = (identity) => identity.kind !== "joiner";

/** Any of several. */
export function either(...rules: AccessRule[]): AccessRule {
  return (identity) => rules.some((rule) => rule(identity));
}
