/**
 * What a running role looks like to whoever started it.
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Files } from "./files.ts";

export interface RunningRole {
  /** Ends the role: stops accepting, closes connections, saves what is unsent. Takes at most about a second. */
  stop(): Promise<void>;
}

/** Starts a role with its settings, which are plain data. */
export type StartRole<Settings> = (settings: Settings, files: Files, clock: Clock) => Promise<RunningRole>;
