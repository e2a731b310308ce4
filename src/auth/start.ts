/**
 * The auth role, put together: store, service, its own certificate, the administrator's identity, SSH front.
 * @module
 */
import type { Socket } from "node:net";
import { type BalancerChoice, findBalancedClient } from "../api/balancers.ts";
import {
  authTarget,
  FIRST_BYTES_MS,
  readClientAddressLine,
  verifyClientAddressLine,
} from "../api/client_address.ts";
import { authorityPin } from "../api/pin.ts";
import { runningCalls } from "../api/serve.ts";
import { type Clock, every } from "../base/clock.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import type { RateRule } from "../base/rate_limit.ts";
import type { Outside, RunningRole } from "../base/role.ts";
import type { Identity } from "../model/identity.ts";
import { HEARTBEAT } from "../model/limits.ts";
import { defaultConnector } from "../model/sso.ts";
import { VERSION } from "../model/version.ts";
import type { SshServer } from "../ssh/server.ts";
import type { StoreSettings } from "../model/store_settings.ts";
import { openRemoteAudit, type RemoteAuditSettings } from "./audit/remote_audit.ts";
import { type AuditSettings, startUpkeep } from "./audit/upkeep.ts";
import { waitForStore } from "./wait_for_store.ts";
import { admitAuthServer, refuseOwnStore } from "./join/auth_server.ts";
import { OwnIdentity } from "./own_identity.ts";
import { AuthService, type AuthSettings } from "./service.ts";
import { authSshServer } from "./ssh_front.ts";

const log = logger("auth");

/** What the supervisor tells the auth role; plain data. */
export interface AuthRoleSettings extends AuthSettings {
  hostId: string;
  name: string;
  /** Further names of the host certificate. */
  publicNames: string[];
  /** The role's folder. */
  directory: string;
  store: StoreSettings;
  /** The listening socket. */
  socket: number;
  /** `host:port` as the others reach it. */
  address: string;
  audit: AuditSettings;
  /** Where events and recordings are kept, if not on this machine. */
  remoteAudit?: RemoteAuditSettings;
  /** The token that lets this server come to others on the same store. */
  joinToken?: string;
  /** Auth servers of others that the configuration has this host join, with a token. */
  toJoin: string[];
  limits: { maxConnections: number; maxUsers: number; rates: RateRule[] };
  /** Whose PROXY headers are believed. */
  proxyProtocol: BalancerChoice;
}

/** Where the administrator's identity lies, within the auth role's folder. */
export const ADMIN_IDENTITY = "admin.json";

/**
 * How long connections outlive their authority. Hosts use it to hear whom they trust from now on: cut off at once, they
 * would go on to trust the old one. A certificate they do not get.
 */
const LAST_WORD_MS = 1000;

export async function startAuth(
  settings: AuthRoleSettings,
  files: Files,
  clock: Clock,
  outside: Outside,
): Promise<RunningRole> {
  const { hostId, name, publicNames, directory } = settings;
  const backend = await waitForStore(settings.store, files, clock);
  await refuseOwnStore(backend, settings.toJoin);
  const isFirst = !await backend.get(["cluster"]);
  const remote = settings.remoteAudit && await openRemoteAudit(settings.remoteAudit, {
    local: files,
    directory: settings.recordingsDirectory,
    clock,
    hostId,
  });
  const callOut = (call: Parameters<Outside["callOut"]>[0]) => outside.callOut(call);
  const auth = await AuthService.open(backend, files, clock, settings, callOut, remote);
  if (backend.watch) {
    const coming = { hostId, name, publicNames, token: settings.joinToken };
    await admitAuthServer(coming, {
      backend,
      tokens: auth.tokens,
      audit: auth.audit,
      now: clock.now(),
      isFirst,
    });
  }
  const upkeep = await startUpkeep({
    receiving: (sid) => auth.receiver.receiving(sid),
    settings: settings.audit,
    audit: auth.audit,
    recordings: auth.recordings,
    directory: `${directory}/audit_sinks`,
    files,
    clock,
    outside,
    table: remote?.table,
  });
  const { cluster } = auth.authorities;
  const names = [...new Set([...auth.hosts.namesOf("auth", { hostId, name, publicNames })])];
  const adminPath = `${directory}/${ADMIN_IDENTITY}`;
  const own = await OwnIdentity.make({ auth, hostId, names, files, adminPath, clock });
  const server = authSshServer(auth, own.credentials, settings.limits);
  own.onRenewed = (credentials) => server.setHostCredential(credentials);
  auth.authorities.onChanged(() => {
    clock.after(LAST_WORD_MS, () => endUntrusted(server, auth));
  });
  auth.changes.forget((collection) => {
    if (collection === "clusters") endUntrusted(server, auth);
  });
  const balanced = findBalancedClient(settings.proxyProtocol);
  const relayed = async (socket: Socket) => {
    const told = await balanced?.(socket);
    const line = await readClientAddressLine(socket, FIRST_BYTES_MS);
    return line ? verifyClientAddressLine(line, authTarget(cluster), auth.trust, clock) : told;
  };
  const listener = await listenOn(settings.socket, (socket) => server.accept(socket, () => relayed(socket)));
  const announce = () => {
    auth.presence.announce({
      id: hostId,
      role: "auth",
      name,
      address: settings.address,
      labels: {},
      version: VERSION,
      lastSeen: clock.now(),
    });
  };
  announce();
  const announcing = every(clock, HEARTBEAT.interval, announce);
  if (backend.watch) await auth.likeness.publish();
  const pin = auth.authorities.trusted("host").map(authorityPin).join(", ");
  log.info("auth of cluster {cluster} is ready, CA pin {pin}", { cluster, pin });
  await warnOfConnector(auth, settings);
  if (settings.sessionRecording === "off") {
    log.warn("session recording is off: sessions leave events, but no content");
  } else if (settings.sessionRecording === "proxy" && settings.proxiesCheckHostKeys === false) {
    log.warn(
      "recording proxies do not check the keys of hosts: anybody between them can stand in for a host",
    );
  }

  return {
    drain: () => listener.close(),
    state: () => ({
      // Hosts keep their connections for ever, and come back by themselves.
      clients: server.waiting +
        [...server.connections].filter(({ identity }) => identity.kind !== "host").length,
      counts: {
        connections: server.connections.size,
        logging_in: server.waiting,
        calls: runningCalls(),
        ...upkeep.counts(),
      },
    }),
    async stop() {
      announcing.cancel();
      own.close();
      listener.close();
      server.close();
      await auth.audit.settled();
      await upkeep.stop();
      await auth.close();
      remote?.close();
    },
  };
}

/** The connector may be made later, by tctl: so the start goes on. */
async function warnOfConnector(
  auth: AuthService,
  { loginChoice = { type: "local" } }: AuthSettings,
): Promise<void> {
  const { type, connectorName } = loginChoice;
  if (type === "local" || defaultConnector(loginChoice, await auth.connectors.list())) return;
  log.warn("logins are to go through {which}, which does not exist yet: make it with tctl create", {
    which: connectorName === undefined
      ? `a connector of type ${type}`
      : `the connector ${type}/${connectorName}`,
  });
}

/** Ends the connections of those whose certificate is of a key that is no authority's any more. */
function endUntrusted(server: SshServer<Identity>, auth: AuthService): void {
  for (const connection of server.connections) {
    if (!auth.trusts(connection.identity)) connection.close();
  }
}
