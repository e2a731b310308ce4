/**
 * The password login: who, with which password, with which second factor. Whatever is wrong, the answer and the work are
 * the same: unknown user, wrong password, wrong factor and locked account cannot be told apart from outside.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { isUserName } from "../../model/name.ts";
import type { KeyChallenge } from "../../model/security_key.ts";
import { barred, type User } from "../../model/user.ts";
import type { AuditLog } from "../audit/log.ts";
import type { KnownCredentials, Users } from "../users.ts";
import type { Lockout } from "./lockout.ts";
import { type PasswordCost, verifyPassword } from "./password.ts";
import type { FactorCheck, SecondFactor } from "./second_factor.ts";

export interface LoginAttempt {
  user: string;
  password: Secret<string>;
  /** What proves the second factor: a code, or a security key's answer. */
  factor: Secret<string>;
  /** The client's IP address. */
  address: string;
}

/** What is proven: a login, or, by somebody who is logged in, the right to change the own account. */
export type Purpose = "login" | "account";

/** Stands in for a name that no user can have. */
const NO_NAME = "\0malformed";

export class PasswordLogin {
  constructor(
    readonly users: Users,
    readonly lockout: Lockout,
    readonly audit: AuditLog,
    readonly clock: Clock,
    readonly factor: SecondFactor,
    readonly cost?: PasswordCost,
  ) {}

  /** What a security key signs for a login. It tells nothing of whether there is such a user. */
  async challenge(name: string): Promise<KeyChallenge> {
    const known = isUserName(name) ? await this.users.credentials(name) : undefined;
    return await this.factor.challenge(name, known?.credentials);
  }

  /** @throws {AppError} unauthenticated with the factor's one text for every cause, or limit */
  async check(attempt: LoginAttempt, purpose: Purpose = "login"): Promise<User> {
    const name = isUserName(attempt.user) ? attempt.user : NO_NAME;
    const [user, known] = await Promise.all([this.users.get(name), this.users.credentials(name)]);
    const passwordFits = await verifyPassword(attempt.password, known?.credentials.passwordHash, this.cost);
    // Asked after the slow part: of many guesses at once, those after the fifth failure find the lock.
    const lockedUntil = await this.lockout.lockedUntil(name);
    const factor = await this.factor.check(name, known?.credentials, attempt.factor);
    const reason = this.#refusal({ user, lockedUntil, passwordFits, factor });
    if (reason === undefined && user && known) {
      await this.#consume(attempt, known, factor, purpose);
      await this.lockout.clear(name);
      if (purpose === "login") await this.#event(attempt, purpose, { success: true });
      return user;
    }
    // A locked account's failure is counted for nobody: the same work as for every other failure.
    const locked = lockedUntil !== undefined || user && barred(user, this.clock.now()) !== undefined;
    const locks = await this.lockout.recordFailure(locked ? undefined : user?.name);
    const address = attempt.address;
    await Promise.all([
      locks &&
      this.audit.emit({ event: "user.lock", user: name, "addr.remote": address, reason: "failed logins" }),
      this.#event(attempt, purpose, { success: false, error: reason ?? "unknown" }),
    ]);
    throw new AppError("unauthenticated", this.factor.refusal);
  }

  /** Why the login fails, for the audit log only. */
  #refusal(facts: {
    user: User | undefined;
    lockedUntil: number | undefined;
    passwordFits: boolean;
    factor: FactorCheck;
  }): string | undefined {
    const { user, lockedUntil, passwordFits, factor } = facts;
    if (!user) return "no such user";
    if (lockedUntil !== undefined) return `locked until ${new Date(lockedUntil).toISOString()}`;
    if (!passwordFits) return "wrong password";
    if (!factor.proven && factor.used === undefined) return factor.reason;
    return barred(user, this.clock.now());
  }

  /**
   * A proof works once. Using it again is no failure that counts towards the lock: its owner was just too quick. Of two
   * logins at once with the same one, the first to be written has used it.
   */
  async #consume(
    attempt: LoginAttempt,
    known: KnownCredentials,
    factor: FactorCheck,
    purpose: Purpose,
  ): Promise<void> {
    if (factor.proven) {
      const changes = Object.keys(factor.credentials).length > 0 || factor.once.length > 0;
      if (!changes || await this.users.useFactor(attempt.user, known, factor)) return;
    }
    const { reason, used } = factor.proven ? await this.#lost(attempt) : factor;
    await this.#event(attempt, purpose, { success: false, error: reason });
    throw new AppError("unauthenticated", used ?? this.factor.refusal);
  }

  /** What the proof is worth now that another login was written. */
  async #lost({ user, factor }: LoginAttempt): Promise<{ reason: string; used?: string }> {
    const known = await this.users.credentials(user);
    const again = await this.factor.check(user, known?.credentials, factor);
    return again.proven
      ? { reason: "the account was changed meanwhile", used: "your account was changed meanwhile; try again" }
      : again;
  }

  #event(
    attempt: LoginAttempt,
    purpose: Purpose,
    outcome: { success: boolean; error?: string },
  ): Promise<void> {
    const user = isUserName(attempt.user) ? attempt.user : "(malformed)";
    return this.audit.emit({
      ...(purpose === "login" ? { event: "user.login", method: "local" } : { event: "auth" }),
      user,
      "addr.remote": attempt.address,
      ...outcome,
    });
  }
}
