/**
 * Recorded sessions as a page lists them.
 * @module
 */
import type { Output } from "../api/contract.ts";

type Recording = Output<"recordings.list">[number];

export type RecordedSession = Recording & {
  /** What the node is called, as far as that is known. */
  node?: string;
  /** Milliseconds. */
  length?: number;
};

/** Recordings with the names of their nodes, which are given by id; the newest first. */
export function withNodes(
  recordings: readonly Recording[],
  nodes: ReadonlyMap<string, string>,
): RecordedSession[] {
  return recordings
    .map((recording) => {
      const { name, server_id, started, ended, complete, modified } = recording;
      const node = name ?? nodes.get(server_id ?? "");
      const end = ended ?? (complete ? modified : undefined);
      return {
        ...recording,
        ...(node === undefined ? {} : { node }),
        ...(started === undefined || end === undefined ? {} : { length: Math.max(0, end - started) }),
      };
    })
    .sort((a, b) => (b.started ?? b.modified) - (a.started ?? a.modified));
}
