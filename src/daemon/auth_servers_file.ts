/**
 * The auth servers that the cluster has told this host of: `<data_dir>/authservers.json`, a list of addresses. At the
 * next start they come before those of the configuration.
 * @module
 */
import { hostOf, portOf } from "../model/server.ts";

const MAX_SERVERS = 64;
/** A list of so many long names is shorter. */
const MAX_BYTES = 32 * 1024;

const pathIn = (dataDir: string) => `${dataDir}/authservers.json`;

/** What was kept; nothing for a file that is missing or damaged: the configuration is enough to start. */
export async function readAuthServers(dataDir: string): Promise<string[]> {
  try {
    const text = await Deno.readTextFile(pathIn(dataDir));
    return text.length > MAX_BYTES ? [] : addressesIn(JSON.parse(text));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return [];
    throw error;
  }
}

/** Keeps what a role was told by the cluster; what is no address is left out. */
export async function writeAuthServers(dataDir: string, told: unknown): Promise<void> {
  const addresses = addressesIn(told);
  if (addresses.length === 0) return;
  const path = pathIn(dataDir);
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.new`;
  await Deno.writeTextFile(temporary, `${JSON.stringify(addresses)}\n`, { mode: 0o600, createNew: true });
  await Deno.rename(temporary, path);
}

function addressesIn(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  const isAddress = (item: unknown): item is string =>
    typeof item === "string" && item.length <= 300 && portOf(item) !== undefined &&
    /^[\w.:-]+$/.test(hostOf(item));
  return value.filter(isAddress).slice(0, MAX_SERVERS);
}
