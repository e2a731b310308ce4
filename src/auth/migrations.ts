/**
 * The form of what is in the store. It has a version; an auth server that starts brings an older form up to its own, one
 * server at a time, and refuses one that is newer than itself.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Backend, Key } from "../store/backend.ts";

/** One step to the next version. It may have been done in part before: it must be able to begin again. */
export interface Migration {
  /** The version that it makes. */
  version: number;
  what: string;
  run(backend: Backend): Promise<void>;
}

/** All steps there have ever been, by version. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    what: "the store's form gets a version",
    run: () => Promise.resolve(), // what the first releases have written is this form already
  },
];

const log = logger("auth");
const VERSION_KEY: Key = ["schema"];
const LOCK_KEY: Key = ["schema_lock"];
/** Whoever migrates holds the lock for so long, and renews it with every step. A crash frees it after that. */
const LOCK_MS = 30 * SECOND;
const LOOK_MS = 500;

/**
 * Brings the store up to date. Waits while another auth server does.
 * @param holder names this process
 * @throws {AppError} unsupported when the store is of a newer release
 */
export async function migrate(
  backend: Backend,
  clock: Clock,
  holder: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const latest = migrations.at(-1)?.version ?? 0;
  let told = false;
  for (;;) {
    const version = await storedVersion(backend);
    if (version === latest) return;
    if (version > latest) {
      throw new AppError(
        "unsupported",
        `the store has form ${version}, and this release knows ${latest} at most: a newer release has used it; start ` +
          "that one, or restore a backup of before",
      );
    }
    if (await lock(backend, clock, holder)) {
      try {
        await runAll(backend, clock, holder, migrations);
      } finally {
        await unlock(backend, holder);
      }
      continue;
    }
    if (!told) log.info("waits for another auth server, which brings the store up to date");
    told = true;
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}

async function runAll(
  backend: Backend,
  clock: Clock,
  holder: string,
  migrations: readonly Migration[],
): Promise<void> {
  // Read under the lock: another one may have just finished.
  const from = await storedVersion(backend);
  const isNew = from === 0 && !await backend.get(["cluster"]);
  for (const { version, what, run } of migrations) {
    if (version <= from) continue;
    if (!isNew) {
      log.info("brings the store to form {version}: {what}", { version, what });
      await run(backend);
    }
    const entry = await backend.get(LOCK_KEY);
    if (entry?.value !== holder) {
      throw new AppError(
        "unavailable",
        "the store was brought up to date too slowly: another auth server goes on",
      );
    }
    // In one commit with the lock: who has lost it must not say that the step is done.
    const done = await backend.commit([
      { type: "check", key: LOCK_KEY, version: entry.version },
      { type: "put", key: LOCK_KEY, value: holder, expires: clock.now() + LOCK_MS },
      { type: "put", key: VERSION_KEY, value: String(version) },
    ]);
    if (!done) throw new AppError("unavailable", "another auth server brings the store up to date");
  }
}

async function storedVersion(backend: Backend): Promise<number> {
  return Number((await backend.get(VERSION_KEY))?.value ?? 0);
}

async function lock(backend: Backend, clock: Clock, holder: string): Promise<boolean> {
  return await backend.commit([
    { type: "check", key: LOCK_KEY, version: undefined },
    { type: "put", key: LOCK_KEY, value: holder, expires: clock.now() + LOCK_MS },
  ]);
}

async function unlock(backend: Backend, holder: string): Promise<void> {
  const entry = await backend.get(LOCK_KEY);
  if (entry?.value !== holder) return;
  await backend.commit([
    { type: "check", key: LOCK_KEY, version: entry.version },
    { type: "delete", key: LOCK_KEY },
  ]);
}
