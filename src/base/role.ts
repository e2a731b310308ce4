/**
 * What a running role looks like to whoever started it.
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Files } from "./files.ts";
import type { HttpAnswer } from "./https_call.ts";
import type { OutboundCall } from "./outbound_call.ts";

/** What a role is doing, in numbers. */
export interface RoleState {
  /** Connections that a role which takes no more of them waits for before it is stopped. */
  clients: number;
  /** Whether auth is connected; absent for auth itself. */
  authConnected?: boolean;
  /** Further numbers by name, in words joined by underscores. */
  counts: Readonly<Record<string, number>>;
}

export interface RunningRole {
  /** Takes no new clients; those that are there stay until they leave or `stop` ends them. */
  drain(): void;
  state(): RoleState;
  /** Ends the role: stops accepting, closes connections, saves what is unsent. Takes at most about a second. */
  stop(): Promise<void>;
}

/** What the supervisor does for a role that may not do it itself. */
export interface Outside {
  /** Keeps the cluster's auth servers for the next start: `host:port`. */
  keepAuthServers(addresses: readonly string[]): void;
  /** Sends datagrams to a target of the configuration, by its number. @throws {AppError} unavailable */
  sendDatagrams(target: number, messages: string[]): Promise<void>;
  /** Makes an HTTP call to an identity provider. @throws {AppError} unavailable */
  callOut(call: OutboundCall): Promise<HttpAnswer>;
}

/** Starts a role with its settings, which are plain data. */
export type StartRole<Settings> = (
  settings: Settings,
  files: Files,
  clock: Clock,
  outside: Outside,
) => Promise<RunningRole>;
