/**
 * The audit log's configuration: to which collectors it is passed on, and how long it is kept.
 * @module
 */
import { resolve } from "node:path";
import * as v from "valibot";
import { parseDuration } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";
import { EVENT_NAMES } from "../../model/event.ts";
import { parseAddress } from "./address.ts";
import type { SyslogTarget } from "../log/syslog_sink.ts";
import type { AuditSinkConfig } from "./audit_config.ts";
import { parseLogTarget } from "./log_target.ts";
import { key } from "./keys.ts";
import { choice, listOf, parseCount, reading } from "./values.ts";

const SYSLOG_PORT = 514;
const MEGABYTE = 1024 * 1024;
/** The shortest time that is kept: whole days are deleted. */
const SHORTEST = 24 * 60 * 60 * 1000;

/** One entry of `audit_sinks`. */
export const auditSink = v.object({
  type: key("What the collector speaks.", choice(["syslog", "http"]), { shown: "required" }),
  address: key(
    "Of a syslog: `local`, `syslog://host[:port]` by UDP, `tcp://host[:port]`, or `syslog:///path`.",
    v.optional(reading((text) => text)),
    { shown: "`local`" },
  ),
  url: key("Where events are posted to.", v.optional(reading((text) => text, "https://host[:port]/path"))),
  auth_header_file: key(
    "A file that holds the value of the `Authorization` header.",
    v.optional(reading((text) => text, "path")),
  ),
  ca_file: key(
    "The collector's certificate authorities, PEM, in place of the system's.",
    v.optional(reading((text) => text, "path")),
    { shown: "the system's" },
  ),
  events: key(
    "Only events of these names.",
    v.optional(listOf(reading(parseEventName, "event"))),
    { shown: "all" },
  ),
  spool_mb: key(
    "Megabytes of the log that may wait for the collector.",
    v.optional(reading(parseCount, "number"), "64"),
  ),
});

/** A time to keep things, as `400d`; `forever` is the default. */
export const retention = () => v.optional(reading(parseRetention, "duration or forever"), "forever");

function parseEventName(text: string): string {
  if (EVENT_NAMES.some((name) => name === text)) return text;
  throw new AppError("bad_input", `${quote(text)} is no event${didYouMean(text, [...EVENT_NAMES])}`);
}

/** Milliseconds; undefined for ever. */
function parseRetention(text: string): number | undefined {
  if (text.toLowerCase() === "forever" || text.toLowerCase() === "never") return undefined;
  const ms = parseDuration(text);
  if (ms >= SHORTEST) return ms;
  throw new AppError("bad_input", `${quote(text)} is too short: at least a day (1d) is kept, or "forever"`);
}

/**
 * One sink out of its entry.
 * @param place says where the entry stands, for errors
 * @throws {AppError} bad_input
 */
export function auditSinkConfig(
  entry: v.InferOutput<typeof auditSink>,
  { cwd, place, warn }: { cwd: string; place(key?: string): string; warn(text: string): void },
): AuditSinkConfig {
  const { type, address, url, auth_header_file: authHeaderFile, ca_file: caFile, events } = entry;
  const common = { events, maxBehind: entry.spool_mb * MEGABYTE };
  const misplaced = (key: string) =>
    new AppError("bad_input", `${place(key)}: ${quote(key)} does not belong to a sink of type "${type}"`);
  if (type === "syslog") {
    if (url !== undefined) throw misplaced("url");
    if (authHeaderFile !== undefined) throw misplaced("auth_header_file");
    if (caFile !== undefined) throw misplaced("ca_file");
    const text = address ?? "local";
    return {
      ...common,
      type,
      name: `syslog ${text}`,
      target: at(place("address"), () => syslogTarget(text)),
    };
  }
  if (address !== undefined) throw misplaced("address");
  if (url === undefined) throw new AppError("bad_input", `${place()}: a sink of type "http" needs "url"`);
  const target = at(place("url"), () => httpTarget(url));
  if (!target.tls) {
    warn(`${place("url")}: events${authHeaderFile ? " and the login" : ""} go to ${target.host} unencrypted`);
  }
  return {
    ...common,
    type,
    name: `http ${target.tls ? "https" : "http"}://${target.host}:${target.port}${target.path.split("?")[0]}`,
    target,
    authHeaderFile: authHeaderFile && resolve(cwd, authHeaderFile),
    caFile: caFile && resolve(cwd, caFile),
  };
}

function at<T>(place: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError(error.code, `${place}: ${error.message}`);
  }
}

/** `local`, `syslog:///path`, `syslog://host[:port]` or `udp://` by UDP, `tcp://host[:port]`. */
function syslogTarget(text: string): { kind: "tcp"; host: string; port: number } | SyslogTarget {
  if (text.toLowerCase() === "local") return { kind: "local" };
  const [, tcp] = /^tcp:\/\/(.+)$/i.exec(text) ?? [];
  if (tcp !== undefined) return { kind: "tcp", ...parseAddress(tcp, SYSLOG_PORT) };
  const output = /^(syslog|udp):\/\//i.test(text) ? parseLogTarget(text) : undefined;
  if (output?.kind === "syslog") return output.target;
  throw new AppError(
    "bad_input",
    `${quote(text)} is no syslog; write "local", "syslog://host:514", "tcp://host:514" or "syslog:///path"`,
  );
}

function httpTarget(text: string): { host: string; port: number; tls: boolean; path: string } {
  const url = URL.parse(text);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw new AppError("bad_input", "the URL of a collector is written https://host[:port]/path");
  }
  if (url.username !== "" || url.password !== "") {
    throw new AppError("bad_input", 'a login does not belong into the URL: see "auth_header_file"');
  }
  const tls = url.protocol === "https:";
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || (tls ? 443 : 80)),
    tls,
    path: `${url.pathname}${url.search}`,
  };
}
