/**
 * Sessions that run at this moment.
 * @module
 */
import * as v from "valibot";
import { MAX_PARTIES, PARTY_MODES } from "../../model/live_session.ts";
import { administrator, either, guests, hosts, users } from "../access.ts";
import { anyUserName, entry, login, nothing, text, time, uuid } from "./schemas.ts";

const cells = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));

const liveSession = v.strictObject({
  sid: uuid,
  user: anyUserName,
  login,
  started: time,
  columns: cells,
  rows: cells,
  /** Of a proxy's: the host that it runs on. */
  node: v.optional(text(256)),
  parties: v.pipe(
    v.array(v.strictObject({ user: anyUserName, mode: v.picklist(PARTY_MODES), since: time })),
    v.maxLength(MAX_PARTIES),
  ),
});

/** The most sessions of one node; an announcement of so many stays within a message. */
const MAX_SESSIONS = 8192;

export const sessionCalls = {
  /** The process, `run`, of a node or recording proxy tells all its sessions; they are believed for half a minute. It hears which are to end. */
  "sessions.announce": entry({
    input: v.strictObject({ run: uuid, sessions: v.pipe(v.array(liveSession), v.maxLength(MAX_SESSIONS)) }),
    output: v.object({ end: v.array(v.object({ sid: uuid, by: text(300) })) }),
    access: hosts("node", "proxy"),
    audited: false,
  }),

  /** Those of the caller, and those that rules on kind `session` let the caller see; the newest first. */
  "sessions.list": entry({
    input: nothing,
    output: v.array(v.object({
      ...liveSession.entries,
      /** Who announced it: the node or, where proxies record, the proxy. */
      server: uuid,
    })),
    access: either(administrator, users, guests),
    audited: false,
  }),

  /** Ends a session, whoever is in it. Resolves when it is over, or with false when its node does not answer. */
  "sessions.end": entry({
    input: v.strictObject({ sid: uuid }),
    output: v.object({ ended: v.boolean() }),
    access: either(administrator, users, guests),
    audited: true,
  }),
} as const;
