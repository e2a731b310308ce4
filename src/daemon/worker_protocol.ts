/**
 * What the supervisor and a role's Worker say to each other.
 * @module
 */
import type { AuthRoleSettings } from "../auth/start.ts";
import type { Severity } from "../base/log.ts";
import type { HttpAnswer } from "../base/https_call.ts";
import type { LogEntry } from "../base/log_entry.ts";
import type { Metric } from "../base/metrics.ts";
import type { OutboundCall } from "../base/outbound_call.ts";
import type { RoleState } from "../base/role.ts";
import type { NodeSettings } from "../node/start.ts";
import type { ProxySettings } from "../proxy/start.ts";
import type { Algorithms } from "../ssh/algorithms.ts";

/** The settings of each role. */
export interface RoleSettings {
  auth: AuthRoleSettings;
  proxy: ProxySettings;
  node: NodeSettings;
}

export interface StartMessage<Settings = unknown> {
  type: "start";
  settings: Settings;
  log: Severity;
  /** Absolute path of libcrypto, if the role may use it. */
  libcrypto?: string;
  /** What its SSH servers and clients offer; absent: the defaults. */
  algorithms?: Algorithms;
}

/** What a Worker says about itself when it is asked. */
export interface WorkerReport {
  /** Undefined while the role starts. */
  state?: RoleState;
  metrics: Metric[];
  /** Bytes of the Worker's own heap. */
  memory: { heapUsed: number; heapTotal: number; external: number };
}

export type ToWorker =
  | StartMessage
  /** Datagrams were sent, or why not. */
  | { type: "datagrams"; id: number; error?: string }
  /** What came of a call, or why nothing did. */
  | { type: "called"; id: number; answer?: HttpAnswer; error?: string }
  | { type: "drain" | "report" | "stop" | "crash" };

export type FromWorker =
  /** The code is loaded and waits for its start message. */
  | { type: "loaded" }
  /** `ciphers`: who computes packet ciphers. */
  | { type: "ready"; ciphers: string }
  | { type: "log"; entry: LogEntry }
  /** A sign of life; `authConnected` as in {@link RoleState}. */
  | { type: "beat"; authConnected?: boolean }
  | { type: "report"; report: WorkerReport }
  /** The role could not start; `permanent` when trying again would not help. */
  | { type: "failed"; message: string; permanent: boolean }
  /** The auth servers of the cluster, as this host's next start should know them. */
  | { type: "auth_servers"; addresses: string[] }
  /** Asks for datagrams to be sent: only to configured targets. */
  | { type: "datagrams"; id: number; target: number; messages: string[] }
  /** Asks for a call to an identity provider. */
  | { type: "call"; id: number; call: OutboundCall }
  | { type: "stopped" };
