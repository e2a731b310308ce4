/**
 * The auth role, put together: store, service, its own certificate, the administrator's identity, SSH front.
 * @module
 */
import { formatHostCredentials, type HostCredentials, parseHostCredentials } from "../api/host_identity.ts";
import { authorityPin } from "../api/pin.ts";
import { runningCalls } from "../api/serve.ts";
import { type Clock, every } from "../base/clock.ts";
import { isAppError } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import type { RunningRole } from "../base/role.ts";
import type { SystemRole } from "../model/identity.ts";
import { HEARTBEAT } from "../model/limits.ts";
import { VERSION } from "../model/version.ts";
import { generateKey } from "../ssh/private_key.ts";
import { DenoKvBackend } from "../store/deno_kv.ts";
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
  storePath: string;
  /** The listening socket. */
  socket: number;
  /** `host:port` as the others reach it. */
  address: string;
}

/** Where the administrator's identity lies, within the auth role's folder. */
export const ADMIN_IDENTITY = "admin.json";

export async function startAuth(
  settings: AuthRoleSettings,
  files: Files,
  clock: Clock,
): Promise<RunningRole> {
  const { hostId, name, publicNames, directory, storePath } = settings;
  const backend = await DenoKvBackend.open(storePath, clock);
  const auth = await AuthService.open(backend, files, clock, settings);
  const { cluster } = auth.authorities;
  const names = [...new Set([...auth.hosts.namesOf("auth", { hostId, name, publicNames })])];
  const credentials = await issueOwn(auth, { hostId, role: "auth", names });
  await keepAdminIdentity(auth, files, `${directory}/${ADMIN_IDENTITY}`, hostId);

  const server = authSshServer(auth, credentials);
  const listener = await listenOn(settings.socket, (socket) => server.accept(socket));
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
  const pin = auth.authorities.trusted("host").map(authorityPin).join(", ");
  log.info("auth of cluster {cluster} is ready, CA pin {pin}", { cluster, pin });
  if (settings.sessionRecording === "off") {
    log.warn("session recording is off: sessions leave events, but no content");
  }

  return {
    drain: () => listener.close(),
    state: () => ({
      // Hosts keep their connections for ever, and come back by themselves.
      clients: server.waiting +
        [...server.connections].filter(({ identity }) => identity.kind !== "host").length,
      counts: { connections: server.connections.size, logging_in: server.waiting, calls: runningCalls() },
    }),
    async stop() {
      announcing.cancel();
      listener.close();
      server.close();
      await auth.close();
    },
  };
}

async function issueOwn(
  auth: AuthService,
  host: { hostId: string; role: SystemRole; names: string[] },
): Promise<HostCredentials> {
  const key = generateKey();
  const certificate = await auth.issuer.forHost(host, key.publicKey.toLine());
  const { cluster } = auth.authorities;
  return { cluster, hostId: host.hostId, key, certificate, authorities: auth.authorities.list() };
}

/** tctl on this machine logs in with this file. It is made anew when it does not fit the CAs any more. */
async function keepAdminIdentity(
  auth: AuthService,
  files: Files,
  path: string,
  hostId: string,
): Promise<void> {
  const text = await files.readText(path);
  if (text !== undefined && fits(text, auth)) return;
  const credentials = await issueOwn(auth, { hostId, role: "admin", names: [hostId] });
  await files.writePrivate(path, formatHostCredentials(credentials));
}

function fits(text: string, auth: AuthService): boolean {
  try {
    const { certificate, authorities } = parseHostCredentials(text);
    return JSON.stringify(authorities) === JSON.stringify(auth.authorities.list()) &&
      auth.authorities.trusted("host").some((key) => key.equals(certificate.authority));
  } catch (error) {
    if (isAppError(error, "bad_input")) return false;
    throw error;
  }
}
