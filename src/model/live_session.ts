/**
 * Sessions that run at this moment, as nodes announce them and users see them.
 * @module
 */
import type { AccessChecker } from "./access.ts";

/** How somebody takes part: a peer types, an observer only looks on. */
export type PartyMode = "peer" | "observer";

export const PARTY_MODES: readonly PartyMode[] = ["peer", "observer"];

/** Somebody who takes part. */
export interface PartyRecord {
  user: string;
  mode: PartyMode;
  /** Milliseconds since the epoch. */
  since: number;
}

/** A session on a terminal. */
export interface LiveSessionRecord {
  sid: string;
  /** Who started it; need not be there any more. */
  user: string;
  /** The OS user it runs as. */
  login: string;
  /** Milliseconds since the epoch. */
  started: number;
  columns: number;
  rows: number;
  /** The host it runs on, where somebody else tells of it. */
  node?: string;
  parties: PartyRecord[];
}

/** An announcement is believed for so long, in milliseconds. */
export const ANNOUNCEMENT_TTL = 30_000;

/** The most that may take part in one session at the same time. */
export const MAX_PARTIES = 32;

/** What rules on kind `session` decide about a session that is somebody else's. */
export type SessionAction = "see" | "observe" | "type" | "end";

const VERB = { see: "list", observe: "read", type: "update", end: "delete" } as const;

/** Whether somebody's roles allow this; one's own sessions need no rule. */
export function mayDoWithSession(
  rights: AccessChecker,
  action: SessionAction,
  session: Pick<LiveSessionRecord, "sid" | "user" | "parties">,
): boolean {
  const parties = [...new Set([session.user, ...session.parties.map(({ user }) => user)])];
  return rights.may("session", VERB[action], { session: { sid: session.sid, parties } });
}
