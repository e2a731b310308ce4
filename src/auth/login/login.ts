/**
 * The password login: who, with which password, with which code. Whatever is wrong, the answer and the work are the
 * same: unknown user, wrong password, wrong code and locked account cannot be told apart from outside.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { isUserName } from "../../model/name.ts";
import { barred, type User } from "../../model/user.ts";
import type { AuditLog } from "../audit/log.ts";
import type { Users } from "../users.ts";
import type { Lockout } from "./lockout.ts";
import { otpStep } from "./otp.ts";
import { type PasswordCost, verifyPassword } from "./password.ts";

export interface LoginAttempt {
  user: string;
  password: Secret<string>;
  otp: Secret<string>;
  /** The client's IP address. */
  address: string;
}

/** What is proven: a login, or, by somebody who is logged in, the right to change the own account. */
export type Purpose = "login" | "account";

/** Stands in for a name that no user can have. */
const NO_NAME = "\0malformed";

/** The one text for every failed login. */
export const LOGIN_REFUSED =
  "invalid user name, password or code, or the account is locked (five failures lock it for 20 minutes)";

export class PasswordLogin {
  constructor(
    readonly users: Users,
    readonly lockout: Lockout,
    readonly audit: AuditLog,
    readonly clock: Clock,
    readonly secondFactor: "otp" | "off",
    readonly cost?: PasswordCost,
  ) {}

  /** @throws {AppError} unauthenticated with {@linkcode LOGIN_REFUSED}, or limit */
  async check(attempt: LoginAttempt, purpose: Purpose = "login"): Promise<User> {
    const name = isUserName(attempt.user) ? attempt.user : NO_NAME;
    const [user, known] = await Promise.all([this.users.get(name), this.users.credentials(name)]);
    const passwordFits = await verifyPassword(attempt.password, known?.credentials.passwordHash, this.cost);
    // Asked after the slow part: of many guesses at once, those after the fifth failure find the lock.
    const lockedUntil = await this.lockout.lockedUntil(name);
    const step = this.#codeStep(known?.credentials.otpSecret, attempt.otp);
    const reason = this.#refusal({ user, lockedUntil, passwordFits, step });
    if (reason === undefined && user && known && step !== undefined) {
      await this.#consume(name, attempt, known, step, purpose);
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
    throw new AppError("unauthenticated", LOGIN_REFUSED);
  }

  /** The time step of the code; 0 where none is asked for. */
  #codeStep(secret: string | undefined, code: Secret<string>): number | undefined {
    if (this.secondFactor === "off") return 0;
    return otpStep(secret ?? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", code, this.clock.now());
  }

  /** Why the login fails, for the audit log only. */
  #refusal(facts: {
    user: User | undefined;
    lockedUntil: number | undefined;
    passwordFits: boolean;
    step: number | undefined;
  }): string | undefined {
    if (!facts.user) return "no such user";
    if (facts.lockedUntil !== undefined) return `locked until ${new Date(facts.lockedUntil).toISOString()}`;
    if (!facts.passwordFits) return "wrong password";
    if (facts.step === undefined) return "wrong code";
    return barred(facts.user, this.clock.now());
  }

  /** A code works once. Using it again is no failure that counts towards the lock: its owner was just too quick. */
  async #consume(
    name: string,
    attempt: LoginAttempt,
    known: NonNullable<Awaited<ReturnType<Users["credentials"]>>>,
    step: number,
    purpose: Purpose,
  ): Promise<void> {
    if (this.secondFactor === "off") return;
    const used = known.credentials.lastOtpStep !== undefined && step <= known.credentials.lastOtpStep;
    if (!used && await this.users.useOtpStep(name, step, known)) return;
    await this.#event(attempt, purpose, { success: false, error: "the code was used before" });
    throw new AppError("unauthenticated", "this code was used already; wait for the next one");
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
