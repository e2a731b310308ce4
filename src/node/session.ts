/**
 * One session channel on a node: gathers what the client asks for, then runs a recorded terminal or a plain command.
 * @module
 */
import { counter } from "../base/metrics.ts";
import { isUuid } from "../model/name.ts";
import type { PtyRequest } from "../ssh/channel.ts";
import type { ServerSessionChannel, SessionHandlers } from "../ssh/server_session.ts";
import { JOIN_MODE, JOIN_SESSION, joinSession } from "../session/join.ts";
import { hearNotices } from "../session/notice.ts";
import { SeatNotices } from "../session/seat_notices.ts";
import type { Running } from "../session/session_request.ts";
import { connectionFields, type NodeConnection, type NodeContext } from "./context.ts";
import { clientMaySet, SESSION_ID } from "./environment.ts";
import { runCommand } from "./exec.ts";
import { SessionForwards } from "./forwarding/session_forwards.ts";
import { signalNumber } from "./os/signals.ts";
import { INTERNAL_SFTP, isInternalSftp } from "./files/internal_sftp.ts";
import { runScp } from "./files/scp.ts";
import { scpArguments } from "./files/scp_call.ts";
import { runForcedSftp, runSftp } from "./files/sftp.ts";
import type { SessionRequest } from "./session_request.ts";
import { runTerminal } from "./terminal.ts";

const started = counter("teleport_sessions_total", "Programs and shells that were started for clients");
let sessionsNow = 0;
/** How many signals a program gets that is being started. */
const MAX_EARLY = 16;

/** How many programs and shells of clients run. */
export function runningSessions(): number {
  return sessionsNow;
}

export function nodeSession(node: NodeContext, connection: NodeConnection): SessionHandlers {
  const { identity } = connection;
  const env = new Map<string, string>();
  /** What decides whether, and how, a session that runs already is joined. */
  const joining = new Map<string, string>();
  /** The session's id, as the proxy has it that records it. */
  let sid: string | undefined;
  const recordedElsewhere = node.recording().by === "proxy" && node.isRecordedByProxy(connection);
  const forwards = new SessionForwards(node, connection);
  let pty: PtyRequest | undefined;
  const notices = new SeatNotices();
  let running: Running | undefined;
  let counted = false;
  let left = false;
  /** Signals for a program that is being started. */
  const early: string[] = [];
  let state: "new" | "starting" | "started" = "new";
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>();

  const start = (channel: ServerSessionChannel, asked: string | undefined, sftp = false) => {
    hearNotices(connection, channel);
    state = "starting";
    const forced = identity.forceCommand;
    const command = forced ?? asked;
    if (forced !== undefined && asked !== undefined) env.set("SSH_ORIGINAL_COMMAND", asked);
    for (const [name, value] of forwards.env()) env.set(name, value);
    const request: SessionRequest = {
      node,
      host: node,
      connection,
      fields: connectionFields(node, connection),
      recordedElsewhere,
      sid: sid ?? crypto.randomUUID(),
      env,
      pty,
      onSeated: notices.onSeated,
      onRunning: (program) => {
        if (!counted) {
          counted = true;
          sessionsNow++;
          started.add();
        }
        running = program;
        state = "started";
        for (const name of early.splice(0)) program.signal(name);
        if (pty && pty !== request.pty) program.resize?.(pty); // the window has changed since it was asked for
        if (left) program.abandon();
      },
      onJoined: (program) => {
        running = program;
        if (left) program.abandon();
      },
      onEnded: () => {
        if (counted) sessionsNow--;
        counted = false;
        running = undefined;
      },
      gone,
      left: () => left,
      isCut: () => node.sessions.isCut(connection),
    };
    const joined = joining.get(JOIN_SESSION);
    if (joined !== undefined && !sftp) {
      return joinSession(request, channel, joined, joining.get(JOIN_MODE), asked);
    }
    if (forced !== undefined && isInternalSftp(forced)) {
      return runForcedSftp(request, channel, forced, sftp ? undefined : asked ?? "");
    }
    if (sftp && forced === undefined) return runSftp(request, channel);
    const scp = pty || command === undefined ? undefined : scpArguments(command);
    if (command !== undefined && scp !== undefined) return runScp(request, channel, command, scp);
    // A shell without a terminal is a session like any other: recorded, so that -T is no way around it.
    return pty || command === undefined || node.recording().commands
      ? runTerminal(request, channel, command)
      : runCommand(request, channel, command);
  };

  return {
    pty: (request) => {
      if (!identity.permits.has("pty")) return false;
      pty = request;
      return true;
    },
    env: (name, value) => {
      // Who is bound to a command has no business in other sessions.
      if ((name === JOIN_SESSION || name === JOIN_MODE) && identity.forceCommand === undefined) {
        joining.set(name, value);
        return true;
      }
      if (notices.takes(name)) return true;
      if (name === SESSION_ID && recordedElsewhere && isUuid(value)) {
        sid = value;
        return true;
      }
      if (!clientMaySet(name, value, identity.forceCommand !== undefined)) return false;
      env.set(name, value);
      return true;
    },
    resize: (size) => {
      if (pty) pty = { ...pty, ...size };
      running?.resize?.(size);
    },
    signal: (name) => {
      if (identity.forceCommand !== undefined || signalNumber(name) === undefined) return false;
      if (running) running.signal(name);
      else if (state !== "starting" || early.length >= MAX_EARLY) return false;
      else early.push(name);
      return true;
    },
    break: () => running?.sendBreak?.() ?? false,
    endOutput: () => running?.endOutput?.(),
    agent: () => forwards.openAgent(),
    x11: (request) => forwards.openDisplay(request),
    opened: (tell) => notices.open(tell),
    shell: (channel) => start(channel, undefined),
    exec: (channel, command) => start(channel, command),
    // A forced command other than sftp's own wins over it, as in OpenSSH.
    subsystem: (name) => name === "sftp" ? (channel) => start(channel, INTERNAL_SFTP, true) : undefined,
    closed: () => {
      left = true;
      leave();
      running?.abandon();
      forwards.close();
    },
  };
}
