/**
 * A daemon's numbers in the text format of Prometheus (version 0.0.4). The numbers are counted in the Workers; a client
 * library here would only print them.
 * @module
 */
import type { Metric } from "../base/metrics.ts";
import type { DaemonReport, RoleReport } from "./report.ts";

/** What the counts of `RoleState` are. */
const COUNTS: Readonly<Record<string, string>> = {
  connections: "SSH connections that are logged in",
  logging_in: "SSH connections that have not logged in yet",
  web_connections: "HTTPS connections",
  sessions: "Programs and shells of clients that run now",
  calls: "API calls that are being answered",
  events_waiting: "Audit events on their way to the auth server",
  events_lost: "Audit events that were dropped since the start",
  recordings_waiting: "Recordings on their way to the auth server, those of running sessions included",
  spool_bytes: "Bytes of recordings that the auth server has not got",
};

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function prometheusText(report: DaemonReport): string {
  const byName = Map.groupBy([...ofProcess(report), ...report.roles.flatMap(ofRole)], ({ name }) => name);
  let text = "";
  for (const [name, metrics] of byName) {
    const [first] = metrics;
    if (!first) continue;
    text += `# HELP ${name} ${escapeHelp(first.help)}\n# TYPE ${name} ${first.type}\n`;
    for (const { labels, value } of metrics) text += `${name}${labelText(labels)} ${value}\n`;
  }
  return text;
}

function ofProcess({ version, memory, cpu, uptimeMs, logLinesLost }: DaemonReport): Metric[] {
  const gauge = (name: string, help: string, value: number, labels = {}): Metric => (
    { name, help, type: "gauge", labels, value }
  );
  const count = (name: string, help: string, value: number): Metric => (
    { name, help, type: "counter", labels: {}, value }
  );
  return [
    gauge("teleport_build_info", "The version that runs", 1, { version }),
    gauge("process_resident_memory_bytes", "Resident memory of the process", memory.rss),
    count("process_cpu_seconds_total", "CPU time of the process", (cpu.user + cpu.system) / 1000),
    gauge("teleport_uptime_seconds", "Time since the start", Math.round(uptimeMs / 1000)),
    count("teleport_log_lines_lost_total", "Log lines that were dropped", logLinesLost),
  ];
}

function ofRole({ role, phase, restarts, worker }: RoleReport): Metric[] {
  const labels = { role };
  const metrics: Metric[] = [
    {
      name: "teleport_role_up",
      help: "1 when the role serves",
      type: "gauge",
      labels,
      value: phase === "ready" ? 1 : 0,
    },
    {
      name: "teleport_role_restarts_total",
      help: "How often the role was started again after a crash",
      type: "counter",
      labels,
      value: restarts,
    },
  ];
  if (!worker) return metrics;
  metrics.push({
    name: "teleport_worker_heap_bytes",
    help: "Heap in use by the role's Worker",
    type: "gauge",
    labels,
    value: worker.memory.heapUsed,
  });
  const { authConnected, counts = {} } = worker.state ?? {};
  if (authConnected !== undefined) {
    metrics.push({
      name: "teleport_auth_connected",
      help: "1 when the role has a connection to the auth server",
      type: "gauge",
      labels,
      value: authConnected ? 1 : 0,
    });
  }
  for (const [name, value] of Object.entries(counts)) {
    metrics.push({ name: `teleport_${name}`, help: COUNTS[name] ?? name, type: "gauge", labels, value });
  }
  return [...metrics, ...worker.metrics.map((metric) => ({ ...metric, labels: { role, ...metric.labels } }))];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
