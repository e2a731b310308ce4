/**
 * What is proven besides the password. Which one it is, the configuration says for the whole cluster.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import type { LocalAuth } from "../../model/resource/user.ts";
import type { KeyChallenge, RegistrationOptions, SecondFactorKind } from "../../model/security_key.ts";
import type { Operation } from "../../store/backend.ts";

/** What a user is shown to set a factor up with; empty where none is asked for. */
export interface FactorProposal {
  /** `otpauth://...`, the address behind the QR code. */
  otpUri?: string;
  securityKey?: RegistrationOptions;
}

/** The part of the credentials that belongs to the factor. */
export type FactorCredentials = Omit<LocalAuth, "passwordHash">;

export type FactorCheck =
  | {
    proven: true;
    /** What changes with this login, so that its proof cannot be used again. */
    credentials: FactorCredentials;
    /** Further operations that must succeed with that. */
    once: Operation[];
  }
  /** `used`: it was right, and was seen before. */
  | { proven: false; reason: string; used?: string };

export interface SecondFactor {
  readonly kind: SecondFactorKind;
  /** The one text for a login that fails, whatever was wrong with it. */
  readonly refusal: string;

  /**
   * How a user sets it up.
   * @param seed base32, random, kept by the server until it is accepted
   */
  propose(seed: string, user: string): FactorProposal;

  /** @returns what the credentials get; undefined when the answer does not fit the proposal made of this seed */
  accept(seed: string, answer: Secret<string>): Promise<FactorCredentials | undefined>;

  /** Why an answer was not accepted, and what to do. */
  readonly notAccepted: string;

  /**
   * Something to sign, given to whoever names a user: for unknown ones it looks the same.
   * @throws {AppError} unsupported where the factor needs none
   */
  challenge(user: string, known: LocalAuth | undefined): Promise<KeyChallenge>;

  /** The same work for users who are not there. */
  check(user: string, known: LocalAuth | undefined, answer: Secret<string>): Promise<FactorCheck>;
}

/** The refusal of a login that was proven by these things. */
export function refusalText(things: string): string {
  return `invalid user name, ${things}, or the account is locked (five failures lock it for 20 minutes)`;
}

/** @throws {AppError} unsupported */
export function noChallenge(): Promise<never> {
  return Promise.reject(
    new AppError(
      "unsupported",
      'this cluster does not use security keys (auth_service.authentication.second_factor is not "u2f")',
    ),
  );
}

/** A password is enough. */
export const noSecondFactor: SecondFactor = {
  kind: "off",
  refusal: refusalText("password or code"),
  notAccepted: "",
  propose: () => ({}),
  accept: () => Promise.resolve({}),
  challenge: noChallenge,
  check: () => Promise.resolve({ proven: true, credentials: {}, once: [] }),
};
