/**
 * What the web front needs from the auth service. The web front holds no users, passwords or keys of its own: it checks
 * the form of a request and hands it over here.
 * @module
 */
import type { CertificateWish } from "../../model/certificate_wish.ts";
import type { Secret } from "../../base/secret.ts";
import type { KeyChallenge, RegistrationOptions, SecondFactorKind } from "../../model/security_key.ts";

/** An account that waits for its owner to choose a password. */
export interface Invite {
  user: string;
  /** End of the invite, milliseconds since the epoch. */
  expires: number;
  secondFactor: SecondFactorKind;
  /** `otpauth://totp/...` with the new shared secret, where the second factor is "otp". Never log it. */
  otpUri?: string | undefined;
  /** What a browser registers a security key with, where it is "u2f". */
  securityKey?: RegistrationOptions | undefined;
}

/** A password login of the terminal client. */
export interface LoginRequest extends CertificateWish {
  user: string;
  password: Secret<string>;
  /** A code, or the answer of a security key as JSON. */
  factor: Secret<string>;
  /** The key to certify, as one OpenSSH public key line. */
  publicKey: string;
  clientAddress: string;
}

/** What a successful login hands back. */
export interface IssuedLogin {
  user: string;
  /** One OpenSSH certificate line. */
  certificate: string;
  clusterName: string;
  /** The host CA's keys, as OpenSSH public key lines. */
  hostAuthorities: string[];
}

/**
 * The auth service as the web front sees it. Implementations bound every call in time and fail with AppError
 * `unavailable` or `timeout` when the auth service cannot answer.
 */
export interface AuthGateway {
  /**
   * Looks at an invite without using it up.
   * @throws {AppError} not_found when the token is unknown, used or expired.
   */
  invite(token: Secret<string>, clientAddress: string): Promise<Invite>;

  /**
   * Sets the password, verifies the first code or the new security key and uses up the invite.
   * @throws {AppError} bad_input for a weak password or a wrong code; not_found as in `invite`.
   */
  signup(
    token: Secret<string>,
    password: Secret<string>,
    factor: Secret<string>,
    clientAddress: string,
  ): Promise<void>;

  /**
   * Something for a user's security key to sign.
   * @throws {AppError} unsupported when the cluster uses none
   */
  challenge(user: string): Promise<KeyChallenge>;

  /**
   * Trades a password and the second factor for a certificate.
   * @throws {AppError} unauthenticated with one text for every cause; limit when throttled.
   */
  login(request: LoginRequest): Promise<IssuedLogin>;
}
