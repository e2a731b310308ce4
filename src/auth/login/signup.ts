/**
 * Invitations: an administrator names a user, the user chooses a password and proves the second factor. The account
 * comes into being with that, together with the end of the invitation, or not at all.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { formatDuration } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { INVITE_TTL } from "../../model/limits.ts";
import { ADMIN_ROLE } from "../../model/user.ts";
import type { Backend, Key } from "../../store/backend.ts";
import type { Users } from "../users.ts";
import { newOtpSecret, otpStep, otpUri } from "./otp.ts";
import { checkPasswordRules, hashPassword, type PasswordCost } from "./password.ts";

interface Invitation {
  token: string;
  user: string;
  logins: string[];
  otpSecret: string;
  expires: number;
  createdBy: string;
  /** Wrong codes so far; too many end the invitation. */
  failures: number;
}

const MAX_FAILURES = 10;

/** The token itself is not a key of the store: what lists keys does not list secrets. */
const keyOf = (token: string): Key => ["invite", createHash("sha256").update(token).digest("hex")];

const GONE = "this invitation is not valid: it was used, has expired or never existed; ask for a new one";

export class Signup {
  constructor(
    readonly backend: Backend,
    readonly users: Users,
    readonly clock: Clock,
    readonly cluster: string,
    readonly secondFactor: "otp" | "off",
    readonly cost?: PasswordCost,
  ) {}

  async invite(
    user: string,
    logins: string[],
    ttl: number,
    createdBy: string,
  ): Promise<{ token: string; expires: number }> {
    if (ttl > INVITE_TTL.max || ttl <= 0) {
      const max = formatDuration(INVITE_TTL.max);
      throw new AppError(
        "bad_input",
        `an invitation can be valid for at most ${max}, not ${formatDuration(ttl)}`,
      );
    }
    if (await this.users.get(user)) {
      throw new AppError(
        "already_exists",
        `user "${user}" already exists; "tctl users rm ${user}" removes the account`,
      );
    }
    const token = randomBytes(16).toString("hex");
    const expires = this.clock.now() + ttl;
    const invitation: Invitation = {
      token,
      user,
      logins,
      otpSecret: newOtpSecret(),
      expires,
      createdBy,
      failures: 0,
    };
    await this.backend.commit([{
      type: "put",
      key: keyOf(token),
      value: JSON.stringify(invitation),
      expires,
    }]);
    return { token, expires };
  }

  async list(): Promise<{ token: string; user: string; expires: number }[]> {
    return (await this.backend.list(["invite"])).map((entry) => JSON.parse(entry.value));
  }

  /** @returns false when there is no such invitation */
  async revoke(token: string): Promise<boolean> {
    if (!await this.backend.get(keyOf(token))) return false;
    return await this.backend.commit([{ type: "delete", key: keyOf(token) }]);
  }

  async #find(token: Secret<string>): Promise<{ invitation: Invitation; version: string; key: Key }> {
    const key = keyOf(token.reveal());
    const entry = await this.backend.get(key);
    if (!entry) throw new AppError("not_found", GONE);
    return { invitation: JSON.parse(entry.value), version: entry.version, key };
  }

  async describe(token: Secret<string>): Promise<{ user: string; otpUri: string; expires: number }> {
    const { invitation } = await this.#find(token);
    const uri = this.secondFactor === "off"
      ? ""
      : otpUri(invitation.otpSecret, invitation.user, this.cluster);
    return { user: invitation.user, otpUri: uri, expires: invitation.expires };
  }

  /** Makes the account. @returns its name */
  async complete(token: Secret<string>, password: Secret<string>, otp: Secret<string>): Promise<string> {
    const { invitation, version, key } = await this.#find(token);
    checkPasswordRules(password);
    let step: number | undefined;
    if (this.secondFactor === "otp") {
      step = otpStep(invitation.otpSecret, otp, this.clock.now());
      if (step === undefined) {
        await this.#countFailure(invitation, version, key);
        throw new AppError(
          "bad_input",
          "the code is wrong; enter the six digits that your authenticator shows now, and check this device's clock",
        );
      }
    }
    const passwordHash = await hashPassword(password, this.cost);
    const { user, logins, createdBy } = invitation;
    const created = await this.backend.commit([
      { type: "check", key, version },
      { type: "delete", key },
      ...this.users.creation(
        { name: user, roles: [ADMIN_ROLE], traits: { logins }, created: this.clock.now(), createdBy },
        step === undefined
          ? { passwordHash }
          : { passwordHash, otpSecret: invitation.otpSecret, lastOtpStep: step },
      ),
    ]);
    if (!created) throw new AppError("not_found", GONE);
    return user;
  }

  async #countFailure(invitation: Invitation, version: string, key: Key): Promise<void> {
    const failures = invitation.failures + 1;
    await this.backend.commit([
      { type: "check", key, version },
      failures >= MAX_FAILURES ? { type: "delete", key } : {
        type: "put",
        key,
        value: JSON.stringify({ ...invitation, failures }),
        expires: invitation.expires,
      },
    ]);
  }
}
