/**
 * Logins that were begun and not finished: each is known by a value that the browser brings back, works once and for ten
 * minutes. In the store, so that it may come back to another auth server.
 * @module
 */
import type { CertificateWish } from "../../../model/certificate_wish.ts";
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../../base/clock.ts";
import { AppError } from "../../../base/errors.ts";
import { SSO, type SsoKind } from "../../../model/sso.ts";
import type { Backend, Key } from "../../../store/backend.ts";

/** Whom a login is for; see the contract. */
export type Purpose =
  | { for: "web"; browser: string; returnTo: string }
  | { for: "console"; publicKey: string; callback: string; secret: string } & CertificateWish;

export interface SsoRequest {
  kind: SsoKind;
  connector: string;
  /** The state of the connector that it was begun with. */
  revision: string;
  purpose: Purpose;
  /** What the provider's answer is checked against. */
  memory: Record<string, string>;
}

/** A web login that was proven and waits for its session. */
export interface Claim {
  user: string;
  /** Of the user's record: another user of the same name may not have it. */
  created: number;
}

const digest = (value: string) => createHash("sha256").update(value).digest("hex");
const requestKey = (state: string): Key => ["sso_request", digest(state)];
const claimKey = (claim: string): Key => ["sso_claim", digest(claim)];

export class SsoRequests {
  /** When those that were begun here end. */
  #ends: number[] = [];

  constructor(readonly backend: Backend, readonly clock: Clock) {}

  /** A value that nobody guesses. */
  newState(): string {
    return randomBytes(32).toString("base64url");
  }

  /** @throws {AppError} limit */
  requireRoom(): void {
    const now = this.clock.now();
    this.#ends = this.#ends.filter((end) => end > now);
    if (this.#ends.length >= SSO.maxWaiting) {
      throw new AppError("limit", "too many logins were begun and not finished; try again in a few minutes");
    }
  }

  async put(state: string, request: SsoRequest): Promise<void> {
    this.requireRoom();
    const expires = this.clock.now() + SSO.ttl;
    this.#ends.push(expires);
    await this.#put(requestKey(state), request, expires);
  }

  /** Takes a request out: whoever comes second finds nothing. */
  take(state: string): Promise<SsoRequest | undefined> {
    return this.#take(requestKey(state));
  }

  async putClaim(claim: Claim): Promise<string> {
    const value = this.newState();
    await this.#put(claimKey(value), claim, this.clock.now() + SSO.claimTtl);
    return value;
  }

  takeClaim(value: string): Promise<Claim | undefined> {
    return this.#take(claimKey(value));
  }

  async #put(key: Key, value: unknown, expires: number): Promise<void> {
    await this.backend.commit([{ type: "put", key, value: JSON.stringify(value), expires }]);
  }

  async #take<T>(key: Key): Promise<T | undefined> {
    const entry = await this.backend.get(key);
    if (!entry) return undefined;
    const first = await this.backend.commit([
      { type: "check", key, version: entry.version },
      { type: "delete", key },
    ]);
    return first ? JSON.parse(entry.value) : undefined;
  }
}
