/**
 * Joining a session that runs already: the client names it by the variable `TELEPORT_SESSION`, asks for a terminal and
 * for a shell.
 * @module
 */
import type { Writable } from "node:stream";
import { AppError, messageOf } from "../base/errors.ts";
import {
  type LiveSessionRecord,
  mayDoWithSession,
  PARTY_MODES,
  type PartyMode,
} from "../model/live_session.ts";
import { isUuid } from "../model/name.ts";
import type { ServerSessionChannel } from "../ssh/server_session.ts";
import { connectionFields } from "./context.ts";
import { sendExit } from "./exec.ts";
import type { LiveSession } from "./live_sessions.ts";
import type { SessionRequest } from "./session_request.ts";
import { seatOf } from "./terminal.ts";

/** Names the session. */
export const JOIN_SESSION = "TELEPORT_SESSION";
/** `peer` or `observer`; a peer is meant when it is left out. */
export const JOIN_MODE = "TELEPORT_SESSION_MODE";

export async function joinSession(
  request: SessionRequest,
  channel: ServerSessionChannel,
  sid: string,
  wantedMode: string | undefined,
  command: string | undefined,
): Promise<void> {
  const { node, connection, pty } = request;
  const mode = PARTY_MODES.find((known) => known === (wantedMode ?? "peer"));
  if (!isUuid(sid)) throw new AppError("bad_input", "a session id must be a uuid");
  if (!mode) throw new AppError("bad_input", `a session is joined as ${PARTY_MODES.join(" or ")}`);
  if (command !== undefined) throw new AppError("bad_input", "who joins a session cannot bring a command");
  if (!pty) throw new AppError("bad_input", "joining a session needs a terminal (ssh -t)");
  const fields = { sid, ...connectionFields(node, connection) };
  let session: LiveSession;
  try {
    session = await admit(request, sid, mode);
  } catch (error) {
    node.emit({ event: "session.join", ...fields, mode, success: false, error: messageOf(error) });
    throw error;
  }
  if (request.left()) return;
  const { child } = session.options;
  const party = session.hub.join({ ...seatOf(request, channel), mode, size: pty, fields });
  const types = mode === "peer";
  request.onJoined({
    signal: (name) => types && child.signal(name),
    resize: (size) => party.resize(size),
    sendBreak: () => types && child.sendBreak(),
    abandon: () => party.leave(),
  });
  feed(channel, types ? child.terminal : undefined);
  const status = await Promise.race([session.ended, request.gone]);
  request.onEnded();
  if (status) sendExit(channel, status);
}

/** @throws {AppError} not_found, or access_denied that says why */
async function admit(
  { node, connection: { identity, username } }: SessionRequest,
  sid: string,
  mode: PartyMode,
): Promise<LiveSession> {
  const session = node.sessions.get(sid);
  if (!session) {
    throw new AppError(
      "not_found",
      `session ${sid} does not run on this node; tsh sessions lists those that run`,
    );
  }
  const { login } = session.options;
  if (login !== username) {
    throw new AppError("access_denied", `can't switch users from ${login} to ${username} for session ${sid}`);
  }
  if (session.isOwnedBy(identity)) return session;
  const record: LiveSessionRecord = session.record();
  await node.access.admit(identity, (rights) => {
    if (mayDoWithSession(rights, mode === "peer" ? "type" : "observe", record)) return undefined;
    return mode === "peer" && mayDoWithSession(rights, "observe", record)
      ? `${identity.name} may only look on at session ${sid}: join it as an observer`
      : `no role allows ${identity.name} to join session ${sid}, which is ${record.user}'s`;
  });
  return session;
}

/** What a peer types; what an observer types is dropped. The end of it ends nothing. */
function feed(channel: ServerSessionChannel, input: Writable | undefined): void {
  channel.on("data", (typed: Uint8Array) => {
    if (!input || input.destroyed || !input.writable || input.write(typed)) return;
    channel.pause();
    input.once("drain", () => channel.resume());
  });
}
