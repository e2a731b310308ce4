/**
 * The clusters that are reached through the login's own: which there are, and whom to believe about their hosts.
 * @module
 */
import type { Caller } from "../../src/api/client.ts";
import { AppError, isAppError } from "../../src/base/errors.ts";
import type { SshClient } from "../../src/ssh/client.ts";
import { parsePublicKeyLine, type PublicKey } from "../../src/ssh/public_key.ts";
import { printableCell } from "../output.ts";
import type { SiteKeys } from "./known_hosts.ts";
import { type Login, saveKnownHosts } from "./home.ts";

/** A cluster as the proxy lists it. */
export interface ListedSite {
  name: string;
  status: string;
  lastconnected?: string;
  /** Its proxies record. */
  records?: boolean;
}

/** The connection to a proxy, as far as this depends on it. */
interface Connected {
  readonly login: Login;
  readonly proxy: SshClient;
  /** The cluster that commands are about. */
  readonly name: string;
  /** The API of the login's own cluster. */
  homeApi(): Promise<{ api: Caller; close(): void }>;
}

const MAX_LIST = 4 * 1024 * 1024;

/** The clusters that the proxy knows, its own first. */
export async function listSites(cluster: Pick<Connected, "proxy">): Promise<ListedSite[]> {
  const session = await cluster.proxy.subsystem("proxysites");
  let text = "";
  session.stream.on("data", (chunk) => {
    text += chunk;
    if (text.length > MAX_LIST) session.close();
  });
  await session.exit;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new AppError("unavailable", "the proxy's list of clusters cannot be read");
  }
}

/** What the proxy says of the cluster that is asked about. */
export async function siteStatus(cluster: Connected): Promise<ListedSite | undefined> {
  return (await listSites(cluster)).find(({ name }) => name === cluster.name);
}

/**
 * The host CA of a cluster behind the login's own, as that one's auth server has it: the proxy needs not be believed.
 * @throws {AppError} not_found when there is none of this name
 */
export async function hostKeysOfSite(cluster: Connected, site: string): Promise<readonly PublicKey[]> {
  const { login } = cluster;
  let sites = login.sites;
  try {
    sites = await fetchSites(cluster);
  } catch (error) {
    if (!isAppError(error) || !sites?.has(site)) throw error; // what was learned before will do
  }
  const found = sites?.get(site);
  if (!found) throw unknown(login, site);
  return found;
}

/** Asks the login's own cluster for those behind it, and keeps what it says. */
export async function fetchSites(cluster: Connected): Promise<SiteKeys> {
  const { login } = cluster;
  const { api, close } = await cluster.homeApi();
  try {
    const clusters = await api.call("clusters.list", {});
    const sites = new Map(
      clusters.map(({ name, hostKeys }) => [name, hostKeys.map((line) => parsePublicKeyLine(line).key)]),
    );
    if (login.stored) await saveKnownHosts({ ...login, sites });
    return sites;
  } finally {
    close();
  }
}

/** The login for its own cluster, whichever commands are about. */
export function atHome(login: Login): Login {
  const { site: _site, ...profile } = login.profile;
  return { ...login, profile };
}

function unknown({ profile }: Login, site: string): AppError {
  return new AppError(
    "not_found",
    `cluster "${
      printableCell(site)
    }" is not known to ${profile.proxyHost}, which serves "${profile.cluster}"; ` +
      '"tsh clusters" lists the clusters',
  );
}
