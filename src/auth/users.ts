/**
 * Users in the store: the record, and apart from it the credentials, which nothing but the login and a backup reads.
 * A user with an expiry is gone after it, credentials and all.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { LocalAuth, UserRecord } from "../model/resource/user.ts";
import { type Backend, type Entry, type Key, type Operation, requireFits } from "../store/backend.ts";

/** See `login/password.ts`, `login/otp.ts` and `login/security_key/`. What proved a second factor is not taken again. */
export type Credentials = LocalAuth;

/** A user and the state of the record. */
export interface StoredUser {
  user: UserRecord;
  /** Changes with every write of the record, not with a login. */
  version: string;
}

/** Credentials and the state of their record. */
export interface KnownCredentials {
  credentials: Credentials;
  version: string;
  expires?: number;
}

const recordKey = (name: string): Key => ["user", name];
const credentialsKey = (name: string): Key => ["credentials", name];

export class Users {
  /** @param onChange called after every write of a record */
  constructor(readonly backend: Backend, readonly onChange: () => void = () => {}) {}

  async get(name: string): Promise<UserRecord | undefined> {
    return (await this.stored(name))?.user;
  }

  async stored(name: string): Promise<StoredUser | undefined> {
    const entry = await this.backend.get(recordKey(name));
    return entry && toStored(entry);
  }

  async list(): Promise<UserRecord[]> {
    return (await this.listStored()).map(({ user }) => user);
  }

  async listStored(): Promise<StoredUser[]> {
    return (await this.backend.list(["user"])).map(toStored);
  }

  /** The operations that create a user, for a commit together with whatever allowed it. */
  creation(user: UserRecord, credentials: Credentials | undefined): Operation[] {
    return [
      { type: "check", key: recordKey(user.name), version: undefined },
      recordPut(user),
      // Of an earlier user of this name nothing may be left that opens the account.
      credentials
        ? credentialsPut(user.name, credentials, user.expires)
        : { type: "delete", key: credentialsKey(user.name) },
      { type: "delete", key: ["lockout", user.name] },
    ];
  }

  /** Makes a user. @returns false when there is one of this name */
  async create(user: UserRecord, credentials?: Credentials): Promise<boolean> {
    const done = await this.backend.commit(this.creation(user, credentials));
    if (done) this.onChange();
    return done;
  }

  /**
   * Replaces the record.
   * @param version of the record that was read
   * @param credentials new ones; without them the old ones stay
   * @returns false when the record or the credentials changed meanwhile
   */
  async update(user: UserRecord, version: string, credentials?: Credentials): Promise<boolean> {
    const operations: Operation[] = [
      { type: "check", key: recordKey(user.name), version },
      recordPut(user),
    ];
    const known = await this.credentials(user.name);
    if (credentials) operations.push(credentialsPut(user.name, credentials, user.expires));
    else if (known && known.expires !== user.expires) {
      operations.push(
        { type: "check", key: credentialsKey(user.name), version: known.version },
        credentialsPut(user.name, known.credentials, user.expires),
      );
    }
    const done = await this.backend.commit(operations);
    if (done) this.onChange();
    return done;
  }

  /**
   * Changes a record that must exist.
   * @throws {AppError} not_found, or conflict when others write it all the time
   */
  async change(name: string, edit: (user: UserRecord) => UserRecord): Promise<UserRecord> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const found = await this.stored(name);
      if (!found) throw noUser(name);
      const edited = edit(found.user);
      if (await this.update(edited, found.version)) return edited;
    }
    throw new AppError("conflict", `user "${name}" is being changed by somebody else; try again`);
  }

  /** @throws {AppError} not_found */
  async remove(name: string): Promise<void> {
    const entry = await this.backend.get(recordKey(name));
    if (!entry) throw noUser(name);
    await this.backend.commit([
      { type: "delete", key: recordKey(name) },
      { type: "delete", key: credentialsKey(name) },
      { type: "delete", key: ["lockout", name] },
    ]);
    this.onChange();
  }

  async credentials(name: string): Promise<KnownCredentials | undefined> {
    const entry = await this.backend.get(credentialsKey(name));
    return entry && { credentials: JSON.parse(entry.value), version: entry.version, expires: entry.expires };
  }

  /** From now on nothing proves a login as this user. */
  async dropCredentials(name: string): Promise<void> {
    await this.backend.commit([{ type: "delete", key: credentialsKey(name) }]);
  }

  /** The operations that give a user new credentials, as long as the record is the one that was read. */
  renewal({ user, version }: StoredUser, credentials: Credentials): Operation[] {
    return [
      { type: "check", key: recordKey(user.name), version },
      credentialsPut(user.name, credentials, user.expires),
      { type: "delete", key: ["lockout", user.name] },
    ];
  }

  /** Writes down that a proof of the second factor was used. False when the credentials changed meanwhile. */
  async useFactor(
    name: string,
    known: KnownCredentials,
    { credentials, once }: { credentials: Partial<Credentials>; once: readonly Operation[] },
  ): Promise<boolean> {
    return await this.backend.commit([
      { type: "check", key: credentialsKey(name), version: known.version },
      credentialsPut(name, { ...known.credentials, ...credentials }, known.expires),
      ...once,
    ]);
  }
}

function noUser(name: string): AppError {
  return new AppError("not_found", `user "${name}" does not exist; "tctl users ls" lists the users`);
}

function toStored({ value, version }: Entry): StoredUser {
  return { user: JSON.parse(value), version };
}

function recordPut(user: UserRecord): Operation {
  const value = JSON.stringify(user);
  requireFits(value, `the record of user "${user.name}"`);
  return { type: "put", key: recordKey(user.name), value, expires: user.expires };
}

function credentialsPut(name: string, credentials: Credentials, expires: number | undefined): Operation {
  return { type: "put", key: credentialsKey(name), value: JSON.stringify(credentials), expires };
}
