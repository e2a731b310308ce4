/**
 * The collectors of the audit log, from the configuration to what the auth role is told, what it may do for them, and
 * what the supervisor does in its place.
 * @module
 */
import type { HttpSinkSettings, SinkSettings } from "../auth/audit/sink_settings.ts";
import { systemClock } from "../base/clock.ts";
import { formatHostPort } from "../base/dial.ts";
import { AppError } from "../base/errors.ts";
import { environmentProxy } from "../base/dial_out.ts";
import type { AuditSinkConfig } from "./config/audit_config.ts";
import { syslogSink, type SyslogTarget } from "./log/syslog_sink.ts";

/** What follows from the configured sinks. */
export interface AuditSinkPlan {
  settings: SinkSettings[];
  /** Targets of datagrams, by their number. */
  datagrams: SyslogTarget[];
  /** `host:port` that the auth role dials. */
  net: string[];
  /** Files that it reads. */
  read: string[];
}

/** @throws {AppError} bad_input when a variable names no proxy */
export function planAuditSinks(sinks: readonly AuditSinkConfig[]): AuditSinkPlan {
  const plan: AuditSinkPlan = { settings: [], datagrams: [], net: [], read: [] };
  for (const sink of sinks) {
    const { name, events, maxBehind } = sink;
    const common = { name, events, maxBehind };
    if (sink.type === "http") {
      const { authHeaderFile, caFile, target } = sink;
      const proxy = environmentProxy(target);
      const settings: HttpSinkSettings = { ...common, type: "http", target, authHeaderFile, caFile, proxy };
      plan.settings.push(settings);
      plan.net.push(formatHostPort(proxy ?? target));
      plan.read.push(...[authHeaderFile, caFile].filter((path) => path !== undefined));
    } else if (sink.target.kind === "tcp") {
      plan.settings.push({ ...common, type: "syslog", target: sink.target });
      plan.net.push(formatHostPort(sink.target));
    } else {
      const form = sink.target.kind === "udp" ? "network" : "local";
      const index = plan.datagrams.push(sink.target) - 1;
      plan.settings.push({ ...common, type: "syslog", target: { kind: "datagrams", index, form } });
    }
  }
  return plan;
}

/** Sends datagrams for the auth role, to the configured targets only. */
export class AuditDatagrams {
  readonly #sinks: readonly ReturnType<typeof syslogSink>[];

  constructor(targets: readonly SyslogTarget[]) {
    this.#sinks = targets.map((target) =>
      syslogSink({ target, body: () => "", hostname: "", pid: 0, clock: systemClock })
    );
  }

  /** @throws {AppError} unavailable or closed when nobody takes them */
  async send(target: number, messages: readonly string[]): Promise<void> {
    const sink = this.#sinks[target];
    if (!sink) throw new AppError("not_found", "there is no such target of datagrams");
    const encoder = new TextEncoder();
    await sink.write(messages.map((message) => encoder.encode(message)));
  }

  close(): void {
    for (const sink of this.#sinks) sink.close();
  }
}
