/**
 * The state of a daemon as text, a fact a line: what USR1 writes to the log.
 * @module
 */
import { type DaemonReport, reportOn, type RoleReport } from "./report.ts";
import type { Daemon } from "./supervisor.ts";

/** What only its lifecycle knows. */
export interface Situation {
  phase: string;
  /** The process that takes over. */
  successor?: number;
}

export async function describeDaemon(daemon: Daemon, situation: Situation): Promise<string> {
  return diagnosticText(await reportOn(daemon), situation);
}

/** Several lines, in groups of the same beginning. */
export function diagnosticText(report: DaemonReport, { phase, successor }: Situation): string {
  const { memory, cpu } = report;
  const lines = [
    `daemon: version ${report.version}, ${report.runtime}, pid ${report.pid}, ${phase}`,
    `daemon: host ${report.nodename} ${report.hostId}, up ${
      seconds(report.uptimeMs)
    } s, configuration ${report.configDigest}`,
    `daemon: memory ${megabytes(memory.rss)} MB resident, ${megabytes(memory.heapUsed)} MB of its own heap`,
    `daemon: cpu ${seconds(cpu.user)} s user, ${seconds(cpu.system)} s system`,
    `daemon: log lines dropped ${report.logLinesLost}`,
    ...Object.entries(report.listeners).map(([name, address]) => `listener: ${name} ${address}`),
    ...report.roles.flatMap(roleLines),
  ];
  if (successor !== undefined) lines.splice(1, 0, `daemon: process ${successor} takes over`);
  return lines.join("\n");
}

function roleLines(
  { role, phase, restarts, lastFailure, ciphers, authLostMs, worker }: RoleReport,
): string[] {
  const lines = [
    `${role}: ${phase}, started again ${restarts} times${
      lastFailure ? `, the last time because ${lastFailure}` : ""
    }`,
  ];
  if (ciphers !== undefined) lines.push(`${role}: packet ciphers by ${ciphers}`);
  if (authLostMs !== undefined) lines.push(`${role}: no connection to auth for ${seconds(authLostMs)} s`);
  if (phase === "elsewhere") return lines;
  if (!worker) return [...lines, `${role}: does not answer`];
  const { heapUsed, heapTotal, external } = worker.memory;
  lines.push(
    `${role}: memory ${megabytes(heapUsed)} of ${megabytes(heapTotal)} MB heap, ${
      megabytes(external)
    } MB beside it`,
  );
  for (const [name, count] of Object.entries(worker.state?.counts ?? {})) {
    lines.push(`${role}: ${name.replaceAll("_", " ")} ${count}`);
  }
  for (const { name, labels, value } of worker.metrics) {
    const of = Object.entries(labels).map(([label, text]) => ` ${label}=${text}`).join("");
    lines.push(`${role}: ${name}${of} ${value}`);
  }
  return lines;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
