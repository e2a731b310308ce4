/**
 * Invitations: an administrator names a user, the user chooses a password and proves the second factor. The account
 * comes into being with that, together with the end of the invitation, or not at all. The same way a user who is there
 * gets a new password and second factor.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { formatDuration } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { INVITE_TTL } from "../../model/limits.ts";
import type { SecondFactorKind } from "../../model/security_key.ts";
import type { Backend, Key, Operation } from "../../store/backend.ts";
import type { Credentials, Users } from "../users.ts";
import { newOtpSecret } from "./otp.ts";
import { checkPasswordRules, hashPassword, type PasswordCost } from "./password.ts";
import type { FactorProposal, SecondFactor } from "./second_factor.ts";

interface Invitation {
  token: string;
  user: string;
  /** What the new account gets; absent when the account is there and only its credentials are made anew. */
  account?: NewAccount;
  /** Of what the second factor proposes. */
  seed: string;
  expires: number;
  createdBy: string;
  /** Wrong answers so far; too many end the invitation. */
  failures: number;
}

/** What an invitation gives to a new user. */
export interface NewAccount {
  roles: string[];
  logins: string[];
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
    readonly factor: SecondFactor,
    readonly cost?: PasswordCost,
  ) {}

  async invite(
    user: string,
    account: NewAccount,
    ttl: number,
    createdBy: string,
  ): Promise<{ token: string; expires: number }> {
    checkTtl(ttl);
    if (await this.users.get(user)) {
      throw new AppError(
        "already_exists",
        `user "${user}" already exists; "tctl users rm ${user}" removes the account`,
      );
    }
    return await this.#make({ user, account, createdBy }, ttl);
  }

  /**
   * A link with which a user who is there chooses a new password and second factor. The old ones are void at once: they
   * may be in wrong hands. Earlier links of the user are void, too.
   * @throws {AppError} not_found, bad_input
   */
  async reset(user: string, ttl: number, createdBy: string): Promise<{ token: string; expires: number }> {
    checkTtl(ttl);
    if (!await this.users.get(user)) {
      throw new AppError("not_found", `user "${user}" does not exist; "tctl users ls" lists the users`);
    }
    await this.revokeFor(user);
    await this.users.dropCredentials(user);
    return await this.#make({ user, createdBy }, ttl);
  }

  async #make(
    given: Pick<Invitation, "user" | "account" | "createdBy">,
    ttl: number,
  ): Promise<{ token: string; expires: number }> {
    const token = randomBytes(16).toString("hex");
    const expires = this.clock.now() + ttl;
    const invitation: Invitation = {
      ...given,
      token,
      seed: newOtpSecret(),
      expires,
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

  /** Makes every open link of a user void. */
  async revokeFor(user: string): Promise<void> {
    const open = (await this.list()).filter((invitation) => invitation.user === user);
    await Promise.all(open.map(({ token }) => this.revoke(token)));
  }

  async #find(token: Secret<string>): Promise<{ invitation: Invitation; version: string; key: Key }> {
    const key = keyOf(token.reveal());
    const entry = await this.backend.get(key);
    if (!entry) throw new AppError("not_found", GONE);
    return { invitation: parseInvitation(entry.value), version: entry.version, key };
  }

  /** Whose invitation it is; undefined when there is none. */
  async invited(token: Secret<string>): Promise<string | undefined> {
    const entry = await this.backend.get(keyOf(token.reveal()));
    return entry && (JSON.parse(entry.value) as Invitation).user;
  }

  async describe(
    token: Secret<string>,
  ): Promise<{ user: string; expires: number; secondFactor: SecondFactorKind } & FactorProposal> {
    const { invitation: { user, seed, expires } } = await this.#find(token);
    return { user, expires, secondFactor: this.factor.kind, ...this.factor.propose(seed, user) };
  }

  /**
   * Makes the account, or gives it its new credentials.
   * @param answer proves the second factor
   * @returns its name, and whether it is new
   */
  async complete(
    token: Secret<string>,
    password: Secret<string>,
    answer: Secret<string>,
  ): Promise<{ user: string; isNew: boolean }> {
    const { invitation, version, key } = await this.#find(token);
    checkPasswordRules(password);
    const accepted = await this.factor.accept(invitation.seed, answer);
    if (!accepted) {
      await this.#countFailure(invitation, version, key);
      throw new AppError("bad_input", this.factor.notAccepted);
    }
    const credentials = { passwordHash: await hashPassword(password, this.cost), ...accepted };
    const done = await this.backend.commit([
      { type: "check", key, version },
      { type: "delete", key },
      ...await this.#outcome(invitation, credentials),
    ]);
    if (!done) throw new AppError("not_found", GONE);
    return { user: invitation.user, isNew: invitation.account !== undefined };
  }

  async #outcome(invitation: Invitation, credentials: Credentials): Promise<Operation[]> {
    const { user: name, account, createdBy } = invitation;
    if (!account) {
      const user = await this.users.stored(name);
      if (!user) throw new AppError("not_found", GONE);
      return this.users.renewal(user, credentials);
    }
    const { roles, logins } = account;
    return this.users.creation(
      { name, roles, traits: { logins }, created: this.clock.now(), createdBy },
      credentials,
    );
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

/** Invitations that 0.1.0 has made name their seed after the only use that it had. */
function parseInvitation(value: string): Invitation {
  const { otpSecret, ...invitation } = JSON.parse(value);
  return { seed: otpSecret, ...invitation };
}

function checkTtl(ttl: number): void {
  if (ttl > 0 && ttl <= INVITE_TTL.max) return;
  const max = formatDuration(INVITE_TTL.max);
  throw new AppError(
    "bad_input",
    ttl > 0
      ? `an invitation can be valid for at most ${max}, not ${formatDuration(ttl)}`
      : "an invitation must be valid for some time; see --ttl",
  );
}
