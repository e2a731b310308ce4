/**
 * The default backend: Deno KV, an embedded SQLite store. Only one process may open it.
 *
 * Deno KV removes expired entries up to a minute late, so the expiry is kept in the value and checked on read;
 * `expireIn` only cleans up.
 * @module
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import type { Backend, Entry, Key, Operation } from "./backend.ts";

interface Stored {
  value: string;
  expires?: number;
}

export class DenoKvBackend implements Backend {
  readonly #kv: Deno.Kv;

  private constructor(kv: Deno.Kv, readonly clock: Clock) {
    this.#kv = kv;
  }

  /**
   * Opens or creates the store.
   * @param path the database file, or `:memory:`
   */
  static async open(path: string, clock: Clock = systemClock): Promise<DenoKvBackend> {
    try {
      return new DenoKvBackend(await Deno.openKv(path), clock);
    } catch (error) {
      throw new AppError("unavailable", `the store ${path} cannot be opened: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  #toEntry(found: Deno.KvEntryMaybe<Stored>): Entry | undefined {
    if (found.versionstamp === null) return undefined;
    const { value, expires } = found.value;
    if (expires !== undefined && expires <= this.clock.now()) return undefined;
    return { key: found.key.map(String), value, expires, version: found.versionstamp };
  }

  async get(key: Key): Promise<Entry | undefined> {
    return this.#toEntry(await this.#kv.get<Stored>([...key]));
  }

  async list(prefix: Key): Promise<Entry[]> {
    const entries: Entry[] = [];
    for await (const found of this.#kv.list<Stored>({ prefix: [...prefix] })) {
      const entry = this.#toEntry(found);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  async commit(operations: readonly Operation[]): Promise<boolean> {
    const atomic = this.#kv.atomic();
    for (const op of operations) {
      if (op.type === "check") {
        atomic.check({ key: [...op.key], versionstamp: op.version ?? await this.#staleVersion(op.key) });
      } else if (op.type === "delete") {
        atomic.delete([...op.key]);
      } else {
        const stored: Stored = { value: op.value, expires: op.expires };
        const expireIn = op.expires === undefined ? undefined : Math.max(1, op.expires - this.clock.now());
        atomic.set([...op.key], stored, { expireIn });
      }
    }
    return (await atomic.commit()).ok;
  }

  /** An expired entry counts as absent, but the database still has it under some version. */
  async #staleVersion(key: Key): Promise<string | null> {
    const found = await this.#kv.get<Stored>([...key]);
    return found.versionstamp !== null && !this.#toEntry(found) ? found.versionstamp : null;
  }

  close(): Promise<void> {
    this.#kv.close();
    return Promise.resolve();
  }
}
