/**
 * Recorded sessions with what the audit log knows of them.
 * @module
 */
import type { Output } from "../api/contract.ts";

type Recording = Output<"recordings.list">[number];
type LoggedEvent = Output<"events.search">[number];

export type RecordedSession = Recording & {
  user?: string;
  login?: string;
  node?: string;
  /** Milliseconds since the epoch. */
  started?: number;
  /** Milliseconds. */
  length?: number;
};

/** Joins recordings with the events of their beginning and end; the newest first. */
export function withFacts(
  recordings: readonly Recording[],
  events: readonly LoggedEvent[],
  /** Names of nodes by their ids. */
  nodes: ReadonlyMap<string, string>,
): RecordedSession[] {
  const starts = new Map<string, LoggedEvent>();
  const ends = new Map<string, LoggedEvent>();
  for (const event of events) {
    const map = event.event === "session.end" ? ends : starts;
    map.set(String(event.sid), event);
  }
  return recordings
    .map((recording) => {
      const { sid } = recording;
      return { ...recording, ...facts(recording, starts.get(sid), ends.get(sid), nodes) };
    })
    .sort((a, b) => (b.started ?? b.modified) - (a.started ?? a.modified));
}

function facts(
  recording: Recording,
  start: LoggedEvent | undefined,
  end: LoggedEvent | undefined,
  nodes: ReadonlyMap<string, string>,
) {
  const about = start ?? end;
  const started = timeOf(start);
  const ended = timeOf(end) ?? (recording.complete ? recording.modified : undefined);
  const node = nodes.get(String(about?.server_id));
  return {
    ...(typeof about?.user === "string" ? { user: about.user } : {}),
    ...(typeof about?.login === "string" ? { login: about.login } : {}),
    ...(node === undefined ? {} : { node }),
    ...(started === undefined ? {} : { started }),
    ...(started === undefined || ended === undefined ? {} : { length: Math.max(0, ended - started) }),
  };
}

function timeOf(event: LoggedEvent | undefined): number | undefined {
  const time = Date.parse(String(event?.time));
  return Number.isNaN(time) ? undefined : time;
}
