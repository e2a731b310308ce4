/**
 * A folder for what one run of a role keeps on disk, `<root>/<uuid>`. Several runs may live beside each other, as while
 * a daemon is replaced by a new one; each holds a lock on its folder. What a run leaves, whether it ended well or was
 * killed, is adopted by another one.
 * @module
 */
import { type Clock, every, type Timer } from "./clock.ts";
import { AppError, messageOf } from "./errors.ts";
import { exists } from "./exists.ts";

const LOCK = "lock";
const SEARCH_MS = 5000;
const NAME = /^[0-9a-f-]{36}$/;

/** How often a folder is made before it is given up. */
const ATTEMPTS = 5;

export class RunFolder {
  readonly #locks = new Map<string, Deno.FsFile>();
  #searching: Timer | undefined;
  #search: Promise<void> | undefined;
  /** Folders that are being removed. */
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;

  private constructor(readonly root: string, readonly path: string) {}

  /** Makes this run's folder. */
  static async open(root: string): Promise<RunFolder> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const run = new RunFolder(root, `${root}/${crypto.randomUUID()}`);
      await Deno.mkdir(run.path, { recursive: true, mode: 0o700 });
      // Between these two steps another process may take the folder for one that was left, and remove it.
      if (await run.#lock(run.path)) return run;
    }
    throw new AppError("conflict", `another process takes every folder that is made in ${root}`);
  }

  /**
   * Looks for folders that ended runs have left, now and from time to time, and hands each over once.
   * @param takeOver deals with what is in the folder; when it resolves, an empty folder is removed
   * @param warn for the log
   */
  async adopt(
    clock: Clock,
    takeOver: (path: string) => Promise<void>,
    warn: (text: string) => void,
  ): Promise<void> {
    const search = () => this.#search ??= this.#find(takeOver, warn).finally(() => this.#search = undefined);
    this.#searching = every(clock, SEARCH_MS, search);
    await search();
  }

  async #find(takeOver: (path: string) => Promise<void>, warn: (text: string) => void): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(this.root)) {
      const path = `${this.root}/${name}`;
      if (this.#closed || !isDirectory || !NAME.test(name) || this.#locks.has(path)) continue;
      if (!await this.#lock(path)) continue;
      takeOver(path).then(() => this.#closed ? undefined : this.#leave(path)).catch((error: unknown) =>
        warn(`what an earlier run left in ${path} cannot be dealt with: ${messageOf(error)}`)
      );
    }
  }

  /** True when the folder is this run's from now on: its lock is that of a live process otherwise. */
  async #lock(path: string): Promise<boolean> {
    let file;
    try {
      file = await Deno.open(`${path}/${LOCK}`, { write: true, create: true, mode: 0o600 });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false; // its run has just removed it
      throw error;
    }
    // A run that ends removes its folder while it still has the lock.
    if (await file.tryLock(true) && await exists(`${path}/${LOCK}`)) {
      this.#locks.set(path, file);
      return true;
    }
    file.close();
    return false;
  }

  /** Removes a folder in which nothing is left. One with something in it stays locked, and is not looked at again. */
  #leave(path: string): Promise<void> {
    const leaving = (async () => {
      if (!await removeEmpty(path)) return;
      this.#locks.get(path)?.close();
      this.#locks.delete(path);
    })();
    this.#leaving.add(leaving);
    return leaving.finally(() => this.#leaving.delete(leaving));
  }

  /** Ends the run: an empty folder is removed, what is in others is for the next run. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#searching?.cancel();
    await this.#search;
    await Promise.allSettled(this.#leaving); // who adopted it tells of a failure
    for (const [path, file] of this.#locks) {
      await removeEmpty(path);
      file.close();
    }
    this.#locks.clear();
  }
}

/** Removes a folder unless there is something in it besides the lock and empty folders. @returns whether it is gone */
async function removeEmpty(path: string): Promise<boolean> {
  try {
    for (const { name, isDirectory } of await Array.fromAsync(Deno.readDir(path))) {
      if (isDirectory ? !await removeEmpty(`${path}/${name}`) : name !== LOCK) return false;
    }
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    // Whoever deals with what an earlier run left may be removing it.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return true;
}
