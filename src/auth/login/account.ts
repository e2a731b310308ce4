/**
 * What users do to their own credentials. Whoever holds a certificate or sits at somebody's browser does not get far
 * with it: each change takes the password and a code anew, and wrong ones count like failed logins.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { ENROLMENT } from "../../model/limits.ts";
import type { Backend, Key } from "../../store/backend.ts";
import type { Credentials, Users } from "../users.ts";
import { stampOf, type WebSessions } from "../web_sessions.ts";
import type { PasswordLogin } from "./login.ts";
import { newOtpSecret } from "./otp.ts";
import { checkPasswordRules, hashPassword, type PasswordCost } from "./password.ts";
import type { FactorProposal } from "./second_factor.ts";

/** Who it is, proven anew. */
export interface Proof {
  user: string;
  password: Secret<string>;
  /** Of the second factor. */
  factor: Secret<string>;
  /** The client's IP address. */
  address: string;
}

/** A second factor that was proposed and not yet proven. */
interface Enrolment {
  seed: string;
  expires: number;
  /** Wrong answers so far. */
  failures: number;
}

const keyOf = (user: string): Key => ["enrolment", user];

const MEANWHILE = "your account was changed meanwhile; try again";

export class Account {
  constructor(
    readonly backend: Backend,
    readonly users: Users,
    readonly login: PasswordLogin,
    readonly sessions: WebSessions,
    readonly clock: Clock,
    readonly cost?: PasswordCost,
  ) {}

  /**
   * @param keep the id of the web session that goes on
   * @throws {AppError} unauthenticated as a login does; bad_input for a password that breaks the rules
   */
  async changePassword(proof: Proof, password: Secret<string>, keep: string | undefined): Promise<void> {
    checkPasswordRules(password);
    const stamp = await this.#prove(proof);
    if (password.reveal() === proof.password.reveal()) {
      throw new AppError("bad_input", "the new password is the old one; choose another");
    }
    const passwordHash = await hashPassword(password, this.cost);
    await this.#change(proof.user, (credentials) => ({ ...credentials, passwordHash }), { keep, stamp });
  }

  /** Proposes a new second factor, in the place of one proposed before. @throws {AppError} as above; unsupported */
  async enroll(proof: Proof): Promise<{ expires: number } & FactorProposal> {
    this.#demandSecondFactor();
    const stamp = await this.#prove(proof);
    const seed = newOtpSecret();
    const expires = this.clock.now() + ENROLMENT.ttl;
    const enrolment: Enrolment = { seed, expires, failures: 0 };
    const { known } = await this.#current(proof.user, stamp);
    const done = await this.backend.commit([
      { type: "check", key: ["credentials", proof.user], version: known.version },
      { type: "put", key: keyOf(proof.user), value: JSON.stringify(enrolment), expires },
    ]);
    if (!done) throw new AppError("conflict", MEANWHILE);
    return { expires, ...this.login.factor.propose(seed, proof.user) };
  }

  /** Makes the proposed second factor the one that rules. @throws {AppError} bad_input, not_found */
  async confirm(user: string, answer: Secret<string>, keep: string | undefined): Promise<void> {
    this.#demandSecondFactor();
    const entry = await this.backend.get(keyOf(user));
    if (!entry) {
      throw new AppError(
        "not_found",
        "no new second factor waits to be confirmed: it was used, has expired, or took too many wrong answers; begin anew",
      );
    }
    const enrolment: Enrolment = JSON.parse(entry.value);
    const accepted = await this.login.factor.accept(enrolment.seed, answer);
    if (!accepted) {
      await this.#countFailure(user, enrolment, entry.version);
      throw new AppError("bad_input", this.login.factor.notAccepted);
    }
    await this.#change(
      user,
      (credentials) => ({ ...credentials, ...accepted }),
      { keep, enrolled: entry.version },
    );
  }

  /** @returns what was proven: the sessions' stamp of the credentials, which may change before they are used */
  async #prove(proof: Proof): Promise<string> {
    const stamp = await this.sessions.stamp(proof.user);
    await this.login.check(proof, "account");
    if (stamp === undefined) throw new AppError("conflict", MEANWHILE);
    return stamp;
  }

  /** @param stamp of the proof, if there was one @throws {AppError} conflict when it proves nothing any more */
  async #current(name: string, stamp: string | undefined) {
    const [found, known] = await Promise.all([this.users.stored(name), this.users.credentials(name)]);
    if (!found || !known) throw new AppError("conflict", MEANWHILE);
    if (stamp !== undefined && stamp !== stampOf(found.user, known.credentials)) {
      throw new AppError("conflict", MEANWHILE);
    }
    return { found, known };
  }

  #demandSecondFactor(): void {
    if (this.login.factor.kind === "off") {
      throw new AppError("unsupported", "this cluster asks for no second factor");
    }
  }

  /**
   * New credentials, the end of the other sessions and of a proposed second factor: all of it or nothing.
   * @param by.enrolled the version of the proposal that this is the outcome of; else one that waits is void, too: who
   * began it may have known only the old password
   */
  async #change(
    name: string,
    edit: (credentials: Credentials) => Credentials,
    { keep, stamp, enrolled }: { keep: string | undefined; stamp?: string; enrolled?: string },
  ): Promise<void> {
    const { found, known } = await this.#current(name, stamp);
    const credentials = edit(known.credentials);
    const done = await this.backend.commit([
      { type: "check", key: ["credentials", name], version: known.version },
      ...(enrolled === undefined ? [] : [{ type: "check" as const, key: keyOf(name), version: enrolled }]),
      ...this.users.renewal(found, credentials),
      ...await this.sessions.renewal(found.user, credentials, keep),
      { type: "delete", key: keyOf(name) },
    ]);
    if (!done) throw new AppError("conflict", MEANWHILE);
    this.sessions.changes.changed("web_sessions");
  }

  async #countFailure(user: string, enrolment: Enrolment, version: string): Promise<void> {
    const failures = enrolment.failures + 1;
    await this.backend.commit([
      { type: "check", key: keyOf(user), version },
      failures >= ENROLMENT.failures ? { type: "delete", key: keyOf(user) } : {
        type: "put",
        key: keyOf(user),
        value: JSON.stringify({ ...enrolment, failures }),
        expires: enrolment.expires,
      },
    ]);
  }
}
