/**
 * The supervisor: holds the permissions of the whole process, contains little code, reads nothing from the network.
 * It opens the sockets, starts the roles, and stops them; a daemon that takes over from another one gets that one's
 * sockets, and the store when it is ready for it.
 * @module
 */
import { systemClock } from "../base/clock.ts";
import type { HostPort } from "../base/dial.ts";
import { SECOND } from "../base/duration.ts";
import { messageOf } from "../base/errors.ts";
import type { Severity } from "../base/log.ts";
import { LIBCRYPTO_PATHS } from "../ssh/libcrypto.ts";
import { readAuthServers, writeAuthServers } from "./auth_servers_file.ts";
import { AuditDatagrams, planAuditSinks } from "./audit_sinks.ts";
import type { DaemonConfig, Role } from "./config/daemon_config.ts";
import { prepareDataDirectory } from "./data_directory.ts";
import type { LogOutput } from "./log/output.ts";
import { endOrphans } from "./orphans.ts";
import { OutboundCalls } from "./outbound_calls.ts";
import { type PermissionFacts, rolePermissions } from "./permissions.ts";
import { RoleProcess } from "./role_process.ts";
import {
  authSettings,
  type DaemonFacts,
  logDirectory,
  nodeSettings,
  proxySettings,
  recordingsDirectory,
  roleDirectory,
} from "./role_settings.ts";
import { storeNeeds } from "./store_plan.ts";
import { openSockets, type Service, type Sockets, type SocketSource } from "./services.ts";
import { systemAuthorities } from "./system_authorities.ts";
import type { RoleSettings, StartMessage } from "./worker_protocol.ts";

/** The daemon before this one, as far as the start depends on it. */
export interface TakenOver extends SocketSource {
  hello: { hasAuth: boolean; localToken?: string };
  /** Waits until the store is free. */
  takeAuth(): Promise<void>;
  closeUnclaimed(): void;
}

/** Before auth is handed over, calls under way may end. */
const AUTH_QUIET_MS = 2 * SECOND;
const ASK_AGAIN_MS = 50;

/** Starts the configured roles. @throws {AppError} when a socket or folder cannot be had */
export async function startDaemon(
  config: DaemonConfig,
  output: LogOutput,
  predecessor?: TakenOver,
): Promise<Daemon> {
  const roles = [...config.roles];
  const hostId = await prepareDataDirectory(config, roles.map((role) => roleDirectory(config, role)));
  const sockets = await openSockets(config, predecessor);
  predecessor?.closeUnclaimed();
  const facts: DaemonFacts = {
    hostId,
    sockets: Object.fromEntries(sockets),
    // The same one as before: until auth has moved here, it is asked by roles that run here already.
    localToken: config.roles.has("auth")
      ? predecessor?.hello.localToken ?? crypto.randomUUID() + crypto.randomUUID()
      : undefined,
    outwardAddress: outwardAddress(),
    knownAuthServers: await readAuthServers(config.dataDir),
  };
  return new Daemon(config, output, facts, sockets, predecessor);
}

/** A running daemon. */
export class Daemon {
  /** Settles when every role is ready, or rejects when one cannot start. */
  readonly ready: Promise<void>;
  readonly roles = new Map<Role, RoleProcess>();
  /** Processes that take over from this one. */
  readonly daemons = new Set<number>();
  readonly startedAt = systemClock.now();
  readonly #libcrypto = findLibcrypto();
  readonly #datagrams: AuditDatagrams;
  readonly #outbound = new OutboundCalls(systemClock);
  #authElsewhere = false;
  #stopped = false;

  constructor(
    readonly config: DaemonConfig,
    readonly output: LogOutput,
    readonly facts: DaemonFacts,
    readonly sockets: Sockets,
    predecessor: TakenOver | undefined,
  ) {
    this.#datagrams = new AuditDatagrams(planAuditSinks(config.auth.audit.sinks).datagrams);
    this.ready = this.#startAll(predecessor);
    this.ready.catch(() => {}); // whoever waits sees it
  }

  async #startAll(predecessor: TakenOver | undefined): Promise<void> {
    const takesAuth = predecessor?.hello.hasAuth === true && this.config.roles.has("auth");
    // Until everything else runs, the other daemon's auth serves; unless ours is to listen elsewhere, where nobody is yet.
    const authLast = takesAuth && this.sockets.get("auth")?.inherited === true;
    if (takesAuth && !authLast) await predecessor.takeAuth();
    const first = [...this.config.roles].filter((role) => !(authLast && role === "auth"));
    await Promise.all(first.map((role) => this.#start(role).ready));
    if (!authLast) return;
    await predecessor.takeAuth();
    if (!this.#stopped) await this.#start("auth").ready;
  }

  /** Where each service really listens. */
  get addresses(): Partial<Record<Service, HostPort>> {
    return Object.fromEntries([...this.sockets].map(([name, { address }]) => [name, address]));
  }

  /** Whether the auth role is this daemon's. */
  get hasAuth(): boolean {
    return this.config.roles.has("auth") && !this.#authElsewhere;
  }

  #start(role: Role): RoleProcess {
    const { config, facts, output } = this;
    const libcrypto = this.#libcrypto;
    const severity = config.log.severity.toUpperCase() as Severity;
    const process = new RoleProcess({
      role,
      permissions: rolePermissions(role, permissionFacts(role, config, libcrypto)),
      clock: systemClock,
      message: (): StartMessage<RoleSettings[Role]> => ({
        type: "start",
        settings: settingsOf(role, config, facts),
        log: severity,
        libcrypto: role === "auth" ? undefined : libcrypto,
        algorithms: config.algorithms,
      }),
      onLog: (entry) => output.write({ ...entry, component: ofRole(role, entry.component) }),
      sendDatagrams: role === "auth"
        ? (target, messages) => this.#datagrams.send(target, messages)
        : undefined,
      callOut: role === "auth" ? (call) => this.#outbound.call(call) : undefined,
      keepAuthServers: (addresses) => void this.#keepAuthServers(addresses),
      onCrash: () => role === "node" ? void this.#endOrphans() : undefined,
      report: (level, text) => output.report(level, role, text),
    });
    this.roles.set(role, process);
    return process;
  }

  async #keepAuthServers(addresses: unknown): Promise<void> {
    try {
      await writeAuthServers(this.config.dataDir, addresses);
    } catch (error) {
      this.output.report("warn", "daemon", `the list of auth servers cannot be kept: ${messageOf(error)}`);
    }
  }

  async #endOrphans(): Promise<void> {
    try {
      const count = await endOrphans(this.daemons);
      if (count > 0) this.output.report("warn", "node", `ended ${count} programs of clients that were left`);
    } catch (error) {
      this.output.report("error", "node", `programs of clients may be left: ${messageOf(error)}`);
    }
  }

  /** Stops the auth role, because another process is to have the store. Calls under way get an answer, if it is quick. */
  async releaseAuth(): Promise<void> {
    const auth = this.roles.get("auth");
    if (!auth || this.#authElsewhere) return;
    this.#authElsewhere = true;
    auth.drain();
    const until = systemClock.now() + AUTH_QUIET_MS;
    while (systemClock.now() < until && await isBusy(auth)) {
      await new Promise<void>((resolve) => systemClock.after(ASK_AGAIN_MS, resolve));
    }
    await auth.stop();
  }

  /** Runs the auth role again, after the process that had it has ended. */
  takeAuthBack(): void {
    if (!this.#authElsewhere) return;
    this.#authElsewhere = false;
    this.#start("auth");
  }

  /** Takes no new clients, and frees the addresses. Auth, if it is here, goes on for the other roles. */
  drain(): void {
    for (const [name, socket] of this.sockets) {
      if (name !== "auth" || this.#authElsewhere) socket.close();
    }
    for (const [role, process] of this.roles) {
      if (role !== "auth") process.drain();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    // Nodes and proxies first: they still have events to deliver to auth.
    await Promise.all([this.roles.get("node")?.stop(), this.roles.get("proxy")?.stop()]);
    await this.roles.get("auth")?.stop();
    this.#datagrams.close();
    this.#outbound.close();
    for (const socket of this.sockets.values()) socket.close();
  }
}

async function isBusy(auth: RoleProcess): Promise<boolean> {
  const state = (await auth.report())?.state;
  return state !== undefined && (state.clients > 0 || (state.counts.calls ?? 0) > 0);
}

export function permissionFacts(
  role: Role,
  config: DaemonConfig,
  libcrypto: string | undefined,
): PermissionFacts {
  const { https } = config.proxy;
  return {
    directory: roleDirectory(config, role),
    storeDirectory: config.auth.storage.type === "deno_kv" ? config.auth.storage.path : undefined,
    store: storeNeeds(config.auth, (name) => Deno.env.get(name)),
    logDirectory: logDirectory(config),
    recordingsDirectory: recordingsDirectory(config),
    httpsFiles: https ? [https.keyFile, https.certFile] : [],
    authoritiesFile: systemAuthorities(),
    auditSinks: planAuditSinks(config.auth.audit.sinks),
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

/** Roles share code, and its log entries say in which of them it runs: `proxy.ssh`. */
function ofRole(role: Role, component: string): string {
  return component === role || component.startsWith(`${role}.`) ? component : `${role}.${component}`;
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
