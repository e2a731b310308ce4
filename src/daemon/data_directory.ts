/**
 * The data directory: made with mode 0700, tightened when others could read it, with one folder a role and the host's
 * id.
 * @module
 */
import { AppError, messageOf } from "../base/errors.ts";
import { isUuid } from "../model/name.ts";
import type { DaemonConfig } from "./config/daemon_config.ts";

/**
 * Prepares the folders.
 * @returns the host id, made at the first start
 */
export async function prepareDataDirectory(
  config: DaemonConfig,
  roleDirectories: readonly string[],
): Promise<string> {
  const { dataDir } = config;
  try {
    await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
    const { mode } = await Deno.stat(dataDir);
    if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(dataDir, 0o700);
    for (const directory of roleDirectories) await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    if (config.roles.has("auth")) {
      const { storage } = config.auth;
      if (storage.type === "deno_kv") await Deno.mkdir(storage.path, { recursive: true, mode: 0o700 });
      await Deno.mkdir(`${dataDir}/log`, { recursive: true, mode: 0o750 });
    }
  } catch (error) {
    throw new AppError(
      "unavailable",
      `the data directory ${dataDir} cannot be used: ${messageOf(error)}; choose another with data_dir`,
      { cause: error },
    );
  }
  return await hostId(`${dataDir}/host_uuid`);
}

async function hostId(path: string): Promise<string> {
  try {
    const id = (await Deno.readTextFile(path)).trim();
    if (!isUuid(id)) throw new AppError("bad_input", `${path} does not hold a uuid; remove it to join anew`);
    return id;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const id = crypto.randomUUID();
    await Deno.writeTextFile(path, `${id}\n`, { mode: 0o600 });
    return id;
  }
}

/** What tctl and status need to know of a running daemon: `<data_dir>/daemon.json`. */
export interface DaemonState {
  pid: number;
  addresses: Record<string, { host: string; port: number } | undefined>;
  /** Who computes the packet ciphers of each role. */
  ciphers?: Record<string, string | undefined>;
}

export async function writeDaemonState(dataDir: string, state: DaemonState): Promise<void> {
  const path = `${dataDir}/daemon.json`;
  await Deno.writeTextFile(`${path}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
}

/** The state of the daemon that uses this data directory, or undefined when none wrote one. */
export async function readDaemonState(dataDir: string): Promise<DaemonState | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${dataDir}/daemon.json`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
