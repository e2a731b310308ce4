/**
 * What every role that is a member of the cluster begins with, proxy and node alike: its membership, kept in the role's
 * folder, and what it knows of users and roles.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import type { Clock } from "../base/clock.ts";
import type { HostPort } from "../base/dial.ts";
import { SECOND } from "../base/duration.ts";
import type { Files } from "../base/files.ts";
import { Secret } from "../base/secret.ts";
import type { Outside } from "../base/role.ts";
import { AuthServers } from "./auth_servers.ts";
import { ClusterAccess } from "./cluster_access.ts";
import { Membership, type MembershipOptions } from "./membership.ts";

/** How often the list of auth servers is asked for anew, though changes are told. */
const AUTH_SERVERS_MS = 30 * SECOND;

/** What the supervisor tells such a role; plain data. */
export interface MemberSettings {
  hostId: string;
  name: string;
  /** The role's folder. */
  directory: string;
  authServers: HostPort[];
  /** What the cluster has told of them in an earlier run; beside an auth server of its own, a role knows no other. */
  knownAuthServers?: string[];
  joinToken?: string;
  /** The token is of the auth role in this same process. */
  besideAuth: boolean;
  caPins: string[];
  /** Milliseconds that it decides without an auth server; Infinity is for ever. */
  cacheTtl: number;
}

/** What the role has around it. */
export interface MemberContext {
  settings: MemberSettings;
  files: Pick<Files, "readText" | "writePrivate">;
  clock: Clock;
  log: Logger;
  authServers: AuthServers;
  outside: Pick<Outside, "keepAuthServers">;
}

/** The auth servers of a role's settings. */
export function authServersOf(
  { authServers, knownAuthServers }: Pick<MemberSettings, "authServers" | "knownAuthServers">,
  clock: Clock,
): AuthServers {
  return new AuthServers(clock, authServers, knownAuthServers);
}

/** @throws {AppError} as {@linkcode Membership.start} does */
export async function startMembership(
  { settings, files, clock, log, authServers, outside }: MemberContext,
  own: Pick<MembershipOptions, "role" | "publicNames" | "announcement" | "onChanged" | "onRenewed">,
): Promise<Membership> {
  const { hostId, name, directory, joinToken, besideAuth, caPins } = settings;
  const following = { refresh: () => Promise.resolve() };
  const membership = await Membership.start({
    hostId,
    name,
    token: joinToken === undefined ? undefined : new Secret(joinToken),
    besideAuth,
    caPins,
    identityFile: privateFile(files, `${directory}/identity.json`),
    dialAuth: () => authServers.dial(),
    clock,
    report: (level, text) => level === "info" ? log.info("{text}", { text }) : log.warn("{text}", { text }),
    ...own,
    onTrouble: () => authServers.next(),
    onChanged: async (collection) => {
      if (collection === "auth_servers") await following.refresh();
      await own.onChanged?.(collection);
    },
  });
  if (!besideAuth) {
    let kept = "";
    following.refresh = async () => {
      const known = await membership.auth.call("servers.list", { role: "auth" });
      const addresses = known.map(({ address }) => address).sort();
      if (addresses.length === 0 || kept === addresses.join()) return;
      kept = addresses.join();
      authServers.learn(addresses);
      outside.keepAuthServers(addresses);
    };
    membership.alsoEvery(AUTH_SERVERS_MS, () => following.refresh());
  }
  return membership;
}

/** What the role knows of users and roles, kept for times without an auth server. */
export function openClusterAccess(
  { settings, files, clock, log }: MemberContext,
  membership: Membership,
): Promise<ClusterAccess> {
  return ClusterAccess.open({
    api: membership.auth,
    file: privateFile(files, `${settings.directory}/access.json`),
    clock,
    ttlMs: settings.cacheTtl,
    warn: (text) => log.warn("{text}", { text }),
  });
}

function privateFile(files: MemberContext["files"], path: string) {
  return {
    read: () => files.readText(path),
    write: (text: string) => files.writePrivate(path, text),
  };
}
