/**
 * How a daemon is, in one object: for the log, for health checks, for metrics.
 * @module
 */
import { systemClock } from "../base/clock.ts";
import { formatHostPort } from "../base/dial.ts";
import { VERSION } from "../model/version.ts";
import type { DaemonConfig, Role } from "./config/daemon_config.ts";
import type { RolePhase } from "./role_process.ts";
import type { Daemon } from "./supervisor.ts";
import type { WorkerReport } from "./worker_protocol.ts";

export interface RoleReport {
  role: Role;
  /** `elsewhere`: the process that takes over has it. */
  phase: RolePhase | "elsewhere";
  restarts: number;
  lastFailure: string | undefined;
  ciphers: string | undefined;
  /** Milliseconds without a connection to auth. */
  authLostMs: number | undefined;
  /** Undefined when the Worker does not answer. */
  worker: WorkerReport | undefined;
}

export interface DaemonReport {
  version: string;
  runtime: string;
  pid: number;
  uptimeMs: number;
  hostId: string;
  nodename: string;
  /** Of the configuration without its secrets: two daemons with the same one were configured alike. */
  configDigest: string;
  /** Of the whole process, in bytes. */
  memory: Deno.MemoryUsage;
  /** Of the whole process, in milliseconds. */
  cpu: { user: number; system: number };
  logLinesLost: number;
  listeners: Record<string, string>;
  roles: RoleReport[];
}

export async function reportOn(daemon: Daemon): Promise<DaemonReport> {
  const { config, facts } = daemon;
  const now = systemClock.now();
  return {
    version: VERSION,
    runtime: `Deno ${Deno.version.deno}`,
    pid: Deno.pid,
    uptimeMs: now - daemon.startedAt,
    hostId: facts.hostId,
    nodename: config.nodename,
    configDigest: await digestOf(config),
    memory: Deno.memoryUsage(),
    cpu: await cpuTimes(),
    logLinesLost: daemon.output.lost,
    listeners: Object.fromEntries(
      [...daemon.sockets].map(([name, { address }]) => [name, formatHostPort(address)]),
    ),
    roles: await Promise.all([...config.roles].map((role) => roleReport(daemon, role, now))),
  };
}

async function roleReport(daemon: Daemon, role: Role, now: number): Promise<RoleReport> {
  const process = daemon.roles.get(role);
  const lostAt = process?.authLostAt;
  const elsewhere = role === "auth" && !daemon.hasAuth;
  return {
    role,
    phase: elsewhere ? "elsewhere" : process?.phase ?? "starting",
    restarts: process?.restarts ?? 0,
    lastFailure: process?.lastFailure,
    ciphers: process?.ciphers,
    authLostMs: lostAt === undefined ? undefined : now - lostAt,
    worker: await process?.report(),
  };
}

/** SHA-256, the first 16 digits. Secrets show themselves as a word, the same for all. */
async function digestOf(config: DaemonConfig): Promise<string> {
  const text = JSON.stringify(config, (_key, value) => value instanceof Set ? [...value].sort() : value);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 16);
}

async function cpuTimes(): Promise<{ user: number; system: number }> {
  const { cpuUsage } = await import("node:process");
  const { user, system } = cpuUsage();
  return { user: user / 1000, system: system / 1000 };
}
