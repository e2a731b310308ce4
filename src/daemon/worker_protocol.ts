/**
 * What the supervisor and a role's Worker say to each other.
 * @module
 */
import type { AuthRoleSettings } from "../auth/start.ts";
import type { Severity } from "../base/log.ts";
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
  log: { severity: Severity; format: "text" | "json" };
  /** Absolute path of libcrypto, if the role may use it. */
  libcrypto?: string;
  /** What its SSH servers and clients offer; absent: the defaults. */
  algorithms?: Algorithms;
}

export type ToWorker = StartMessage | { type: "stop" } | { type: "crash" };

export type FromWorker =
  /** The code is loaded and waits for its start message. */
  | { type: "loaded" }
  /** `ciphers`: who computes packet ciphers. */
  | { type: "ready"; ciphers: string }
  | { type: "log"; line: string }
  /** A sign of life. */
  | { type: "beat" }
  /** The role could not start; `permanent` when trying again would not help. */
  | { type: "failed"; message: string; permanent: boolean }
  | { type: "stopped" };
