/**
 * What of a cluster's sessions is recorded, and what happens when that fails.
 * @module
 */

/** `strict`: no session without its recorder. `best_effort`: the session goes on, and an event tells of the gap. */
export type RecordingMode = "strict" | "best_effort";

export const RECORDING_MODES: readonly RecordingMode[] = ["strict", "best_effort"];

/** Who records: the nodes, the proxies (which then end every client's SSH), or nobody. */
export type RecordedBy = "node" | "proxy" | "off";

export const RECORDED_BY: readonly RecordedBy[] = ["node", "proxy", "off"];

export interface RecordingPolicy {
  by: RecordedBy;
  mode: RecordingMode;
  /** Commands without a terminal are recorded as well. */
  commands: boolean;
}

/** Until somebody says otherwise. */
export const DEFAULT_POLICY: RecordingPolicy = { by: "node", mode: "strict", commands: false };
