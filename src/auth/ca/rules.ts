/**
 * What a certificate draft must satisfy before it is signed, whoever filled it.
 * @module
 */
import { HOUR } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { CERTIFICATE_TTL } from "../../model/limits.ts";
import { isPrincipal } from "../../ssh/certificate.ts";
import type { Authorities } from "./authorities.ts";

/** A certificate in the making. */
export interface Draft {
  kind: "user" | "host";
  /** OpenSSH public key line. */
  publicKey: string;
  keyId: string;
  principals: string[];
  extensions: Record<string, string>;
  /** Milliseconds since the epoch, or Infinity. */
  validBefore: number;
}

/** Fills a part of the draft. */
export type Modifier = (draft: Draft, now: number) => void;

interface RuleContext {
  now: number;
  authorities: Pick<Authorities, "isAuthorityKey">;
  /** The longest life of a user's certificate, where it is not that of a login. In milliseconds. */
  maxTtl?: number;
}

/** Returns what is wrong, or undefined. */
type Validator = (draft: Draft, context: RuleContext) => string | undefined;

const hasKeyId: Validator = (draft) => draft.keyId === "" ? "it names nobody" : undefined;

const hasPrincipals: Validator = (draft) =>
  draft.principals.length === 0 ? "no login is allowed: an administrator must grant one" : undefined;

const safePrincipals: Validator = (draft) =>
  draft.principals.every(isPrincipal)
    ? undefined
    : "a principal holds a comma, a blank or a control character";

const notAnAuthority: Validator = (draft, { authorities }) =>
  authorities.isAuthorityKey(draft.publicKey) ? "the key is a certificate authority's" : undefined;

const usersExpire: Validator = (draft, { now, maxTtl = CERTIFICATE_TTL.max }) => {
  if (draft.kind !== "user") return undefined;
  const ttl = draft.validBefore - now;
  return ttl >= CERTIFICATE_TTL.min && ttl <= maxTtl
    ? undefined
    : `its lifetime must be between 1 minute and ${maxTtl / HOUR} hours; see --ttl`; // also for what is not a number
};

const usersAreNoHosts: Validator = (draft) =>
  draft.kind === "user" && "x-teleport-role" in draft.extensions
    ? "a user cannot have a host's role"
    : undefined;

const VALIDATORS: readonly Validator[] = [
  hasKeyId,
  hasPrincipals,
  safePrincipals,
  notAnAuthority,
  usersExpire,
  usersAreNoHosts,
];

/** @throws {AppError} bad_input with the first thing that is wrong */
export function validate(draft: Draft, context: RuleContext): void {
  for (const check of VALIDATORS) {
    const why = check(draft, context);
    if (why) throw new AppError("bad_input", `the certificate cannot be issued: ${why}`);
  }
}
