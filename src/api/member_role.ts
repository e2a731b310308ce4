/**
 * What every role that is a member of the cluster begins with, proxy and node alike: its membership, kept in the role's
 * folder, and what it knows of users and roles.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import type { Clock } from "../base/clock.ts";
import { dialAny, type HostPort } from "../base/dial.ts";
import type { Files } from "../base/files.ts";
import { Secret } from "../base/secret.ts";
import { ClusterAccess } from "./cluster_access.ts";
import { Membership, type MembershipOptions } from "./membership.ts";

/** What the supervisor tells such a role; plain data. */
export interface MemberSettings {
  hostId: string;
  name: string;
  /** The role's folder. */
  directory: string;
  authServers: HostPort[];
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
}

/** @throws {AppError} as {@linkcode Membership.start} does */
export function startMembership(
  { settings, files, clock, log }: MemberContext,
  own: Pick<MembershipOptions, "role" | "publicNames" | "announcement" | "onChanged" | "onRenewed">,
): Promise<Membership> {
  const { hostId, name, directory, authServers, joinToken, besideAuth, caPins } = settings;
  return Membership.start({
    hostId,
    name,
    token: joinToken === undefined ? undefined : new Secret(joinToken),
    besideAuth,
    caPins,
    identityFile: privateFile(files, `${directory}/identity.json`),
    dialAuth: dialAny(authServers),
    clock,
    report: (level, text) => level === "info" ? log.info("{text}", { text }) : log.warn("{text}", { text }),
    ...own,
  });
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
