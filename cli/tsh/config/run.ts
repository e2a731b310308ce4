/**
 * `tsh config`: makes stock ssh, scp, sftp, rsync and git work with the cluster's nodes.
 * @module
 */
import { AppError, isAppError } from "../../../src/base/errors.ts";
import { print, printError } from "../../program.ts";
import { Cluster } from "../cluster.ts";
import { knownHostsPath, type Login, loginFiles, recordedHostsPath, saveRecordedHosts } from "../home.ts";
import { atHome, fetchSites, listSites } from "../site.ts";
import { ensureLogin, storedLogin } from "../login.ts";
import type { TshOptions } from "../options.ts";
import { type ClusterAccess, configBlock, withBlock, withoutBlock } from "./ssh_config_block.ts";

export interface ConfigOptions extends TshOptions {
  write?: boolean;
  remove?: boolean;
}

export async function configCommand(options: ConfigOptions): Promise<void> {
  if (options.write && options.remove) {
    throw new AppError("bad_input", "--write and --remove exclude each other");
  }
  if (options.identity !== undefined) throw new AppError("bad_input", "-i flag cannot be used here");
  const login = options.remove ? await storedLogin(options) : await ensureLogin(options);
  if (!login) throw new AppError("not_found", "there is no login here whose block could be removed");
  const { cluster, proxyHost, sshPort } = login.profile;
  const files = loginFiles(login.profile);
  const access: ClusterAccess = {
    cluster,
    proxyHost,
    proxyPort: sshPort,
    key: files.key,
    certificate: files.certificate,
    knownHosts: knownHostsPath(),
    siteKnownHosts: recordedHostsPath(proxyHost),
    ...(options.remove ? { records: false, sites: [] } : await proxyFacts(login)),
  };
  if (!options.write && !options.remove) return print(configBlock(access));
  const path = configPath();
  const changed = await rewrite(
    path,
    (text) => options.remove ? withoutBlock(text, access) : withBlock(text, access),
  );
  const what = options.remove ? "no longer knows" : "now knows";
  print(
    changed
      ? `${path} ${what} the nodes of ${cluster}: ssh root@NODE.${cluster}\n`
      : `${path} is as it should be\n`,
  );
}

/** A proxy that cannot be reached now gets no agent later, and is not known to have other clusters behind it. */
async function proxyFacts(login: Login): Promise<Pick<ClusterAccess, "records" | "sites">> {
  try {
    const cluster = await Cluster.connect(atHome(login));
    try {
      const sites = (await listSites(cluster)).filter(({ name }) => name !== login.profile.cluster)
        .map(({ name, records = false }) => ({ name, records }));
      if (sites.length > 0) await fetchSites(cluster); // ssh is to know their hosts
      const records = await cluster.records();
      if (records && sites.length > 0) await saveRecordedHosts(cluster.login, sites.map(({ name }) => name));
      return { records, sites };
    } finally {
      cluster.close();
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
    printError(
      `WARNING: it is not known whether the proxy records, so no agent will be forwarded: ${error.message}\n`,
    );
    return { records: false, sites: [] };
  }
}

function configPath(): string {
  const home = Deno.env.get("HOME");
  if (!home) throw new AppError("bad_input", "HOME is not set, so there is no ~/.ssh/config");
  return `${home}/.ssh/config`;
}

/** Replaces a file at once, or not at all; where a link leads to it, the link stays. @returns whether it changed */
async function rewrite(path: string, change: (text: string) => string): Promise<boolean> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const existing = await readExisting(path);
  const text = existing?.text ?? "";
  const changed = change(text);
  if (changed === text) return false;
  const target = existing?.path ?? path;
  const temporary = `${target}.${Deno.pid}.new`;
  const mode = (existing?.mode ?? 0o600) & ~0o022; // ssh refuses a file that others may write
  await Deno.writeTextFile(temporary, changed, { mode });
  await Deno.chmod(temporary, mode);
  await Deno.rename(temporary, target);
  return true;
}

async function readExisting(path: string): Promise<{ path: string; text: string; mode: number } | undefined> {
  try {
    const real = await Deno.realPath(path);
    return { path: real, text: await Deno.readTextFile(real), mode: (await Deno.stat(real)).mode ?? 0o600 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
