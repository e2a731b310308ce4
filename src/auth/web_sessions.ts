/**
 * Web sessions in the store: a browser's login, for whichever proxy the browser comes to. The private key is sealed by
 * the proxy with a secret that only the browser's cookie holds, so neither the store nor a backup lets anybody act as
 * the user.
 *
 * A session is bound to the credentials it was opened with: when the password or the second factor changes, by whatever
 * way, it is over. It is also over when the user is locked, gone, or another one of the same name.
 * @module
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { WEB_SESSION } from "../model/limits.ts";
import { isUserName } from "../model/name.ts";
import type { UserRecord } from "../model/resource/user.ts";
import { barred } from "../model/user.ts";
import type { Backend, Entry, Key, Operation } from "../store/backend.ts";
import type { Changes } from "./changes.ts";
import type { Credentials, Users } from "./users.ts";

const log = logger("auth");

export interface WebSessionRecord {
  user: string;
  /** One OpenSSH certificate line. */
  certificate: string;
  sealedKey: string;
  /** Milliseconds since the epoch, as all times. */
  created: number;
  /** When the certificate ends. */
  expires: number;
}

/** Names a session. The id is made from the cookie's secret by a one-way function. */
export interface WebSessionName {
  user: string;
  id: string;
}

/** As it is stored. */
type Stored = WebSessionRecord & {
  /** Of the credentials that opened it. */
  stamp: string;
};

const keyOf = ({ user, id }: WebSessionName): Key => ["web_session", user, id];

export class WebSessions {
  #sweeping = false;
  #again = false;

  constructor(
    readonly backend: Backend,
    readonly users: Users,
    readonly clock: Clock,
    readonly changes: Changes,
  ) {
    changes.forget((collection) => {
      if (collection === "users") void this.#sweep();
    });
  }

  /**
   * Of one user's sessions beyond {@linkcode WEB_SESSION}`.maxOfUser` the oldest end.
   * @param stamp from before the login was checked: credentials that were changed since have let nobody in
   */
  async create(id: string, record: WebSessionRecord, stamp: string | undefined): Promise<void> {
    const { user, expires } = record;
    if (stamp === undefined || stamp !== await this.stamp(user)) {
      throw new AppError("unauthenticated", "the account was changed meanwhile; sign in again");
    }
    const others = (await this.#ofUser(user)).sort((a, b) => b.stored.created - a.stored.created)
      .slice(WEB_SESSION.maxOfUser - 1);
    const stored: Stored = { ...record, stamp };
    await this.backend.commit([
      ...others.map(({ key }) => ({ type: "delete" as const, key })),
      { type: "put", key: keyOf({ user, id }), value: JSON.stringify(stored), expires },
    ]);
    if (others.length > 0) this.changes.changed("web_sessions");
  }

  /** The session, if it goes on. One that is over for good is removed, so that nothing can bring it back. */
  async get(name: WebSessionName): Promise<WebSessionRecord | undefined> {
    const entry = await this.backend.get(keyOf(name));
    if (!entry) return undefined;
    const { stamp, ...record } = parse(entry);
    if (record.expires > this.clock.now() && stamp === await this.stamp(name.user)) return record;
    await this.backend.commit([{ type: "delete", key: keyOf(name) }]);
    return undefined;
  }

  /** The ids of those that are over. */
  async ended(names: readonly WebSessionName[]): Promise<string[]> {
    const ended: string[] = [];
    for (const name of names) if (!await this.get(name)) ended.push(name.id);
    return ended;
  }

  /** @returns false when there was none */
  async remove(name: WebSessionName): Promise<boolean> {
    if (!await this.backend.get(keyOf(name))) return false;
    await this.backend.commit([{ type: "delete", key: keyOf(name) }]);
    this.changes.changed("web_sessions");
    return true;
  }

  /**
   * The operations that let one session of a user go on with new credentials, and end all others.
   * @param keep the id of the one; without it all end
   */
  async renewal(
    user: UserRecord,
    credentials: Credentials,
    keep: string | undefined,
  ): Promise<Operation[]> {
    const stamp = stampOf(user, credentials);
    return (await this.#ofUser(user.name)).map(({ key, stored, expires }) =>
      key[2] === keep
        ? { type: "put", key, value: JSON.stringify({ ...stored, stamp }), expires }
        : { type: "delete", key }
    );
  }

  async #ofUser(user: string) {
    const entries = await this.backend.list(["web_session", user]);
    return entries.map((entry) => ({ key: entry.key, stored: parse(entry), expires: entry.expires }));
  }

  /** What a user's sessions are bound to now; undefined when the user may have none at all. */
  async stamp(name: string): Promise<string | undefined> {
    if (!isUserName(name)) return undefined;
    const [user, known] = await Promise.all([this.users.get(name), this.users.credentials(name)]);
    if (!user || barred(user, this.clock.now()) !== undefined) return undefined;
    return stampOf(user, known?.credentials);
  }

  /** Removes what is over, after users changed: a lock that ends must not bring sessions back. */
  async #sweep(): Promise<void> {
    this.#again = true;
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      while (this.#again) {
        this.#again = false;
        for (const { key } of await this.backend.list(["web_session"])) {
          const [, user = "", id = ""] = key;
          await this.get({ user, id });
        }
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // The next look at the session decides the same, as long as the reason lasts.
      log.warn("web sessions could not be looked through: {error}", { error: messageOf(error) });
    } finally {
      this.#sweeping = false;
    }
  }
}

/** A user of the same name that was made anew is another one. */
export function stampOf(user: UserRecord, credentials: Credentials | undefined): string {
  const bound = JSON.stringify([
    ...[user.created, credentials?.passwordHash, credentials?.otpSecret, credentials?.securityKey?.id],
  ]);
  return createHash("sha256").update(bound).digest("hex");
}

function parse({ value }: Entry): Stored {
  return JSON.parse(value);
}
