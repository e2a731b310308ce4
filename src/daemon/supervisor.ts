/**
 * The supervisor: holds the permissions of the whole process, contains little code, reads nothing from the network.
 * It opens the sockets, starts the roles, and stops them.
 * @module
 */
import { systemClock } from "../base/clock.ts";
import { type AppError, messageOf } from "../base/errors.ts";
import type { Severity } from "../base/log.ts";
import { LIBCRYPTO_PATHS } from "../ssh/libcrypto.ts";
import type { DaemonConfig, Role } from "./config/daemon_config.ts";
import { prepareDataDirectory } from "./data_directory.ts";
import { ListeningSocket } from "./listener.ts";
import { type LogOutput } from "./log_output.ts";
import { type PermissionFacts, rolePermissions } from "./permissions.ts";
import { RoleProcess } from "./role_process.ts";
import {
  authSettings,
  type DaemonFacts,
  logDirectory,
  nodeSettings,
  proxySettings,
  roleDirectory,
} from "./role_settings.ts";
import type { RoleSettings, StartMessage } from "./worker_protocol.ts";

/** A running daemon. */
export interface Daemon {
  hostId: string;
  /** Where each service really listens. */
  addresses: Partial<Record<"auth" | "node" | "proxySsh" | "proxyWeb", { host: string; port: number }>>;
  /** Settles when every role is ready, or rejects when one cannot start. */
  ready: Promise<void>;
  roles: ReadonlyMap<Role, RoleProcess>;
  stop(): Promise<void>;
}

/** The listeners of each role, by configuration. */
const SERVICES = [
  { name: "auth", role: "auth", address: (config: DaemonConfig) => config.auth.listenAddr },
  { name: "proxySsh", role: "proxy", address: (config: DaemonConfig) => config.proxy.listenAddr },
  { name: "proxyWeb", role: "proxy", address: (config: DaemonConfig) => config.proxy.webListenAddr },
  { name: "node", role: "node", address: (config: DaemonConfig) => config.node.listenAddr },
] as const;

/** Starts the configured roles. @throws {AppError} when a socket or folder cannot be had */
export async function startDaemon(config: DaemonConfig, output: LogOutput): Promise<Daemon> {
  const roles = [...config.roles];
  const hostId = await prepareDataDirectory(config, roles.map((role) => roleDirectory(config, role)));
  const sockets: DaemonFacts["sockets"] = {};
  try {
    for (const service of SERVICES) {
      if (config.roles.has(service.role)) {
        sockets[service.name] = await ListeningSocket.open(service.address(config));
      }
    }
  } catch (error) {
    for (const socket of Object.values(sockets)) socket?.close();
    throw error;
  }
  const facts: DaemonFacts = {
    hostId,
    sockets,
    localToken: config.roles.has("auth") ? crypto.randomUUID() + crypto.randomUUID() : undefined,
    outwardAddress: outwardAddress(),
  };
  const libcrypto = findLibcrypto();
  const processes = new Map(roles.map((role) => [role, startRole(role, config, facts, libcrypto, output)]));
  const addresses = Object.fromEntries(
    Object.entries(sockets).map(([name, socket]) => [name, socket?.address]),
  );
  return {
    hostId,
    addresses,
    ready: Promise.all([...processes.values()].map((process) => process.ready)).then(() => {}),
    roles: processes,
    async stop() {
      // Nodes and proxies first: they still have events to deliver to auth.
      await Promise.all([processes.get("node")?.stop(), processes.get("proxy")?.stop()]);
      await processes.get("auth")?.stop();
      for (const socket of Object.values(sockets)) socket?.close();
    },
  };
}

function startRole(
  role: Role,
  config: DaemonConfig,
  facts: DaemonFacts,
  libcrypto: string | undefined,
  output: LogOutput,
): RoleProcess {
  const permissions = rolePermissions(role, permissionFacts(role, config, libcrypto));
  const severity = config.log.severity.toUpperCase() as Severity;
  return new RoleProcess({
    role,
    permissions,
    clock: systemClock,
    message: (): StartMessage<RoleSettings[Role]> => ({
      type: "start",
      settings: settingsOf(role, config, facts),
      log: { severity, format: config.log.format },
      libcrypto: role === "auth" ? undefined : libcrypto,
      algorithms: config.algorithms,
    }),
    onLog: (line) => output.write(line),
    report: (level, text) => output.report(level, role, text),
  });
}

export function permissionFacts(
  role: Role,
  config: DaemonConfig,
  libcrypto: string | undefined,
): PermissionFacts {
  const { https } = config.proxy;
  return {
    directory: roleDirectory(config, role),
    storeDirectory: config.auth.storage.path,
    logDirectory: logDirectory(config),
    httpsFiles: https ? [https.keyFile, https.certFile] : [],
    libcrypto,
  };
}

function settingsOf(role: Role, config: DaemonConfig, facts: DaemonFacts): RoleSettings[Role] {
  const { auth, proxySsh, proxyWeb, node } = facts.sockets;
  if (role === "auth" && auth) return authSettings(config, facts, auth);
  if (role === "proxy" && proxySsh && proxyWeb) return proxySettings(config, facts, proxySsh, proxyWeb);
  if (role === "node" && node) return nodeSettings(config, facts, node);
  throw new Error(`the ${role} role has no socket`);
}

/** The first libcrypto that is there. */
export function findLibcrypto(): string | undefined {
  return LIBCRYPTO_PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

/** The address of the first network interface that is not the loopback. */
function outwardAddress(): string {
  const addresses = Deno.networkInterfaces().filter(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.") && !address.startsWith("169.254.")
  );
  return addresses[0]?.address ?? "127.0.0.1";
}

/** The text of a start that failed, for the console. */
export function startFailure(error: unknown): string {
  return messageOf(error as AppError);
}
