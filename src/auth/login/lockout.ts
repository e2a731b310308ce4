/**
 * Locking of accounts after failed logins: five within half an hour lock for twenty minutes.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { LOCKOUT } from "../../model/limits.ts";
import type { User, UserLock } from "../../model/user.ts";
import type { Backend, Key } from "../../store/backend.ts";

interface State {
  /** Times of the recent failures, milliseconds since the epoch. */
  failures: number[];
  lockedUntil?: number;
}

/** Failures of names that do not exist go here: the same work, but nobody can fill the store with names. */
const NOBODY = "\0nobody";

export class Lockout {
  constructor(readonly backend: Backend, readonly clock: Clock) {}

  async #read(name: string): Promise<{ state: State; version: string | undefined }> {
    const entry = await this.backend.get(this.#key(name));
    return entry
      ? { state: JSON.parse(entry.value), version: entry.version }
      : { state: { failures: [] }, version: undefined };
  }

  #key(name: string): Key {
    return ["lockout", name];
  }

  /** When the lock of this account ends, or undefined when it is not locked. */
  async lockedUntil(name: string): Promise<number | undefined> {
    const { state } = await this.#read(name);
    return state.lockedUntil !== undefined && state.lockedUntil > this.clock.now()
      ? state.lockedUntil
      : undefined;
  }

  /** The lock that keeps this user from logging in now: an administrator's, or one after failed logins. */
  async lockOf({ name, lock }: Pick<User, "name" | "lock">): Promise<UserLock | undefined> {
    if (lock && (lock.until === undefined || lock.until > this.clock.now())) return lock;
    const until = await this.lockedUntil(name);
    return until === undefined
      ? undefined
      : { message: "too many failed logins", since: until - LOCKOUT.lock, until };
  }

  /**
   * Counts a failure.
   * @param name the user, or undefined when there is none by that name
   * @returns true when this failure locked the account
   */
  async recordFailure(name: string | undefined): Promise<boolean> {
    for (;;) {
      const now = this.clock.now();
      const { state, version } = await this.#read(name ?? NOBODY);
      const failures = [...state.failures.filter((time) => time > now - LOCKOUT.window), now].slice(
        -LOCKOUT.failures,
      );
      const locks = name !== undefined && failures.length >= LOCKOUT.failures;
      const next: State = locks
        ? { failures: [], lockedUntil: now + LOCKOUT.lock }
        : { failures, lockedUntil: state.lockedUntil };
      const done = await this.backend.commit([
        { type: "check", key: this.#key(name ?? NOBODY), version },
        {
          type: "put",
          key: this.#key(name ?? NOBODY),
          value: JSON.stringify(next),
          expires: now + LOCKOUT.window + LOCKOUT.lock,
        },
      ]);
      if (done || name === undefined) return done && locks;
    }
  }

  async clear(name: string): Promise<void> {
    await this.backend.commit([{ type: "delete", key: this.#key(name) }]);
  }
}
