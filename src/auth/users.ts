/**
 * Users in the store: the record, and apart from it the credentials, which nothing but the login reads.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { User } from "../model/user.ts";
import type { Backend, Key, Operation } from "../store/backend.ts";

/** What a user proves the login with. */
export interface Credentials {
  /** See `login/password.ts`. */
  passwordHash: string;
  /** base32; absent when the second factor is off. */
  otpSecret?: string;
  /** The time step of the last accepted code; it and earlier ones are refused. */
  lastOtpStep?: number;
}

const recordKey = (name: string): Key => ["user", name];
const credentialsKey = (name: string): Key => ["credentials", name];

export class Users {
  constructor(readonly backend: Backend) {}

  async get(name: string): Promise<User | undefined> {
    const entry = await this.backend.get(recordKey(name));
    return entry && JSON.parse(entry.value);
  }

  async list(): Promise<User[]> {
    return (await this.backend.list(["user"])).map((entry) => JSON.parse(entry.value));
  }

  /** The operations that create a user, for a commit together with whatever allowed it. */
  creation(user: User, credentials: Credentials): Operation[] {
    return [
      { type: "check", key: recordKey(user.name), version: undefined },
      { type: "put", key: recordKey(user.name), value: JSON.stringify(user) },
      { type: "put", key: credentialsKey(user.name), value: JSON.stringify(credentials) },
    ];
  }

  /** @throws {AppError} not_found */
  async remove(name: string): Promise<void> {
    const entry = await this.backend.get(recordKey(name));
    if (!entry) {
      throw new AppError("not_found", `user "${name}" does not exist; "tctl users ls" lists the users`);
    }
    await this.backend.commit([
      { type: "delete", key: recordKey(name) },
      { type: "delete", key: credentialsKey(name) },
      { type: "delete", key: ["lockout", name] },
    ]);
  }

  async credentials(name: string): Promise<{ credentials: Credentials; version: string } | undefined> {
    const entry = await this.backend.get(credentialsKey(name));
    return entry && { credentials: JSON.parse(entry.value), version: entry.version };
  }

  /** Remembers the time step of an accepted code. False when another login used a code meanwhile. */
  async useOtpStep(
    name: string,
    step: number,
    known: { credentials: Credentials; version: string },
  ): Promise<boolean> {
    return await this.backend.commit([
      { type: "check", key: credentialsKey(name), version: known.version },
      {
        type: "put",
        key: credentialsKey(name),
        value: JSON.stringify({ ...known.credentials, lastOtpStep: step }),
      },
    ]);
  }
}
