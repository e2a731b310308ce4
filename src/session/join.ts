/**
 * Joining a session that runs already: the client names it by the variable `TELEPORT_SESSION`, asks for a terminal and
 * for a shell.
 * @module
 */
import type { Writable } from "node:stream";
import { AppError, messageOf } from "../base/errors.ts";
import type { AccessChecker } from "../model/access.ts";
import type { UserIdentity } from "../model/identity.ts";
import { mayDoWithSession, PARTY_MODES, type PartyMode } from "../model/live_session.ts";
import { isUuid } from "../model/name.ts";
import { failSession, type ServerSessionChannel } from "../ssh/server_session.ts";
import { sendExit } from "./exit.ts";
import type { LiveSession } from "./live_sessions.ts";
import { seatOf } from "./recorded_session.ts";
import type { SessionRequest } from "./session_request.ts";

type AccessCheck = (rights: AccessChecker) => string | undefined;

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
  const { host, connection, pty } = request;
  const mode = PARTY_MODES.find((known) => known === (wantedMode ?? "peer"));
  if (!isUuid(sid)) throw new AppError("bad_input", "a session id must be a uuid");
  if (!mode) throw new AppError("bad_input", `a session is joined as ${PARTY_MODES.join(" or ")}`);
  if (command !== undefined) throw new AppError("bad_input", "who joins a session cannot bring a command");
  if (!pty) throw new AppError("bad_input", "joining a session needs a terminal (ssh -t)");
  const fields = { ...request.fields, sid };
  let session: LiveSession;
  let check: AccessCheck | undefined;
  try {
    session = find(request, sid);
    check = checkFor(session, connection.identity, mode);
    if (check) await host.access.admit(connection.identity, check);
  } catch (error) {
    host.emit({ event: "session.join", ...fields, mode, success: false, error: messageOf(error) });
    throw error;
  }
  if (request.left()) return;
  const { program } = session.options;
  const party = session.hub.join({ ...seatOf(request, channel, sid), mode, size: pty, fields });
  const types = mode === "peer";
  request.onJoined({
    signal: (name) => types && program.signal(name),
    resize: (size) => party.resize(size),
    sendBreak: () => types && program.sendBreak(),
    abandon: () => party.leave(),
  });
  feed(channel, types ? program.input : undefined);
  const stopChecking = check && session.receive({
    refused: () => host.access.decide(connection.identity, check).refused,
    end: (reason) => failSession(channel, `you leave the session: ${reason}`),
  });
  const status = await Promise.race([session.ended, request.gone]);
  stopChecking?.();
  request.onEnded();
  if (status) sendExit(channel, status);
}

/** @throws {AppError} not_found, or access_denied for another OS user */
function find({ host, connection: { username } }: SessionRequest, sid: string): LiveSession {
  const session = host.sessions.get(sid);
  if (!session) {
    throw new AppError(
      "not_found",
      `session ${sid} does not run here; tsh sessions lists those that run`,
    );
  }
  const { login } = session.options;
  if (login !== username) {
    throw new AppError("access_denied", `can't switch users from ${login} to ${username} for session ${sid}`);
  }
  return session;
}

/** What lets somebody take part in a session that another user has started; one's own needs nothing. */
function checkFor(session: LiveSession, identity: UserIdentity, mode: PartyMode): AccessCheck | undefined {
  if (session.isOwnedBy(identity)) return undefined;
  const { sid } = session;
  return (rights) => {
    const record = session.record();
    if (mayDoWithSession(rights, mode === "peer" ? "type" : "observe", record)) return undefined;
    return mode === "peer" && mayDoWithSession(rights, "observe", record)
      ? `${identity.name} may only look on at session ${sid}: join it as an observer`
      : `no role allows ${identity.name} to join session ${sid}, which is ${record.user}'s`;
  };
}

/** What a peer types; what an observer types is dropped. The end of it ends nothing. */
function feed(channel: ServerSessionChannel, input: Writable | undefined): void {
  channel.on("data", (typed: Uint8Array) => {
    if (!input || input.destroyed || !input.writable || input.write(typed)) return;
    channel.pause();
    input.once("drain", () => channel.resume());
  });
}
