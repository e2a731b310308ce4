/**
 * What an identity provider is to a login, whatever it speaks: it is gone to with a request, and comes back with an
 * answer that says who somebody is.
 * @module
 */
import { AppError } from "../../../base/errors.ts";
import type { Claims } from "../../../model/claim_mapping.ts";
import type { SsoFailure } from "../../../model/sso.ts";

/** Somebody as a provider has proven them. */
export interface ExternalUser {
  /** To be the user's name here. */
  name: string;
  /** The name of the account there. */
  username: string;
  /** What the provider gives to nobody else, ever. */
  subject: string;
  /** Roles that were mapped; they may not exist. */
  roles: string[];
  /** What is known of the user beside that; roles refer to it. */
  claims: Claims;
}

/** A request that was begun. */
export interface Begun {
  /** Where the browser goes. */
  url: string;
  /** What the answer is checked against; kept at auth. */
  memory: Record<string, string>;
}

/** The parameters that the browser brought. */
export type Fields = Readonly<Record<string, string>>;

export interface IdentityProvider {
  /** @param state comes back with the answer. @throws {SsoRefused} */
  begin(state: string): Promise<Begun>;
  /** @throws {SsoRefused} */
  finish(fields: Fields, memory: Readonly<Record<string, string>>): Promise<ExternalUser>;
}

/** A login that comes to nothing. Its text is for the audit log; whoever wanted in is told the words of `why`. */
export class SsoRefused extends AppError {
  constructor(readonly why: SsoFailure, reason: string, options?: ErrorOptions) {
    super("access_denied", reason, options);
  }
}

/** Text of a provider, fit for a log line. */
export function excerpt(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 120);
}
