/**
 * Who may make an API call. Every entry of the contract names a rule; without one it does not compile.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { AccessChecker, RuleTarget } from "../model/access.ts";
import { describe, type Identity, type SystemRole } from "../model/identity.ts";
import type { Verb } from "../model/role.ts";

/** Who calls. */
export interface ApiCaller {
  identity: Identity;
  /** For users: the rights of the roles that they have at this moment. */
  rights?: AccessChecker;
}

/** Decides on the caller alone; what depends on the input is checked by the handler. */
export type AccessRule = (caller: ApiCaller) => boolean;

/** Hosts with one of these roles. */
export function hosts(...roles: SystemRole[]): AccessRule {
  return ({ identity }) => identity.kind === "host" && roles.includes(identity.role);
}

/** The administrator's own identity, which lies in the auth server's data directory. */
export const administrator: AccessRule = hosts("admin");

/** Any user of the cluster; those of other clusters are {@linkcode guests}. */
export const users: AccessRule = ({ identity }) => identity.kind === "user" && !identity.foreign;

/** Users of another cluster that this one trusts. No other rule takes them. */
export const guests: AccessRule = ({ identity }) => identity.kind === "user" && identity.foreign === true;

/** Those guests whose roles here allow this for some resource of the kind, as {@linkcode may} has it. */
export function guestsWhoMay(kind: string, verb: Verb): AccessRule {
  return (caller) => guests(caller) && caller.rights?.mayForSome(kind, verb) === true;
}

/** A host that proved a join token and has no certificate yet. */
export const joiners: AccessRule = ({ identity }) => identity.kind === "joiner";

/** Any host or user of the cluster, but no joiner. */
export const members: AccessRule = ({ identity }) =>
  identity.kind === "host" || identity.kind === "user" && !identity.foreign;

/** Any of several. */
export function either(...rules: AccessRule[]): AccessRule {
  return (caller) => rules.some((rule) => rule(caller));
}

/**
 * The administrator, and users whose roles allow this for some resource of the kind. Which resource is not known yet: the
 * handler asks {@linkcode allowed} or {@linkcode demand} for each that it touches or shows.
 */
export function may(kind: string, verb: Verb): AccessRule {
  return either(
    administrator,
    (caller) => users(caller) && caller.rights?.mayForSome(kind, verb) === true,
  );
}

/** Whether the caller may do this to this resource; without one, to all of the kind. */
export function allowed(
  { identity, rights }: ApiCaller,
  kind: string,
  verb: Verb,
  target?: RuleTarget,
): boolean {
  if (identity.kind === "host") return identity.role === "admin";
  return identity.kind === "user" && rights?.may(kind, verb, target) === true;
}

/** @throws {AppError} access_denied unless {@linkcode allowed} */
export function demand(caller: ApiCaller, kind: string, verb: Verb, target?: RuleTarget): void {
  if (allowed(caller, kind, verb, target)) return;
  throw new AppError(
    "access_denied",
    `${describe(caller.identity)} may not ${WORDS[verb]} ${kind}: no role allows it, or one denies it`,
  );
}

const WORDS: Readonly<Record<Verb, string>> = {
  list: "list resources of kind",
  create: "create a",
  read: "read the secrets of a",
  readnosecrets: "read a",
  update: "change a",
  delete: "delete a",
  rotate: "rotate a",
};
