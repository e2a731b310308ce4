/**
 * The audit log's part of the finished configuration.
 * @module
 */
import type { SyslogTarget } from "../log/syslog_sink.ts";

/** A collector. */
export type AuditSinkConfig =
  & {
    /** Type and address, to tell sinks apart. */
    name: string;
    /** Only these events; absent: all. */
    events?: string[];
    /** Bytes that may wait for it. */
    maxBehind: number;
  }
  & (
    | { type: "syslog"; target: { kind: "tcp"; host: string; port: number } | SyslogTarget }
    | {
      type: "http";
      target: { host: string; port: number; tls: boolean; path: string };
      /** Absolute paths. */
      authHeaderFile?: string;
      caFile?: string;
    }
  );

export interface AuditConfig {
  sinks: AuditSinkConfig[];
  /** Milliseconds; absent: for ever. */
  keepLog?: number;
  keepRecordings?: number;
}
