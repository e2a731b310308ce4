/**
 * Where the audit log is passed on to, as the configuration says; plain data.
 * @module
 */
import type { HostPort } from "../../base/dial.ts";
import type { ConnectProxy } from "../../base/proxy_choice.ts";

interface CommonSettings {
  /** Names the sink to people: type and address. */
  name: string;
  /** Only these events; all when left out. */
  events?: string[];
  /** Bytes of the log that may wait for the collector. */
  maxBehind: number;
}

/** JSON lines, posted. */
export interface HttpSinkSettings extends CommonSettings {
  type: "http";
  target: HostPort & { tls: boolean; path: string };
  /** A file with the value of the `Authorization` header; read for each batch, so that it can be replaced. */
  authHeaderFile?: string;
  /** A file with the authorities' certificates, PEM, in place of the system's. */
  caFile?: string;
  proxy?: ConnectProxy;
}

/** A message each event. Datagrams are sent by the supervisor: the auth role can make no such socket. */
export interface SyslogSinkSettings extends CommonSettings {
  type: "syslog";
  target: { kind: "tcp"; host: string; port: number } | {
    kind: "datagrams";
    index: number;
    form: SyslogForm;
  };
}

export type SinkSettings = HttpSinkSettings | SyslogSinkSettings;

/** `local`: RFC 3164, as the daemons behind /dev/log read it; `network`: RFC 5424. */
export type SyslogForm = "local" | "network";

/** What a syslog message says of its sender. */
export interface SyslogSender {
  hostname: string;
  pid: number;
}
