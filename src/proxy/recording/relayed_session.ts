/**
 * One session of a client with a host that this proxy stands in for: gathers what the client asks for, starts the same
 * on the host, and records it where the cluster's policy says so.
 * @module
 */
import { flow } from "../../base/lending.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import type { Permit } from "../../model/identity.ts";
import { checkPermit } from "../../model/permits.ts";
import { exitFields, sendExit } from "../../session/exit.ts";
import { JOIN_MODE, JOIN_SESSION, joinSession } from "../../session/join.ts";
import { hearNotices } from "../../session/notice.ts";
import { pump } from "../../session/pump.ts";
import { SeatNotices } from "../../session/seat_notices.ts";
import { runRecorded } from "../../session/recorded_session.ts";
import type { Running, SessionRequest } from "../../session/session_request.ts";
import type { PtyRequest, WindowSize, X11Request } from "../../ssh/channel.ts";
import type { SessionOptions } from "../../ssh/client.ts";
import type { Program } from "../../ssh/client_session.ts";
import { failSession, type ServerSessionChannel, type SessionHandlers } from "../../ssh/server_session.ts";
import { eventFields, type InnerConnection, nameOf, type ProxyClient, type Surroundings } from "./client.ts";
import { reportForward } from "./forwards.ts";
import type { Link } from "./link.ts";
import { startOnHost } from "./relayed_program.ts";

/** The variable by which programs know their session; servers of OpenSSH take it if AcceptEnv says so. */
const SESSION_ID = "SSH_SESSION_ID";
/** What ssh(1) ends with when it never came to run something. */
const NOT_STARTED = 255;
const MAX_EARLY = 64;

/** @param link undefined where this proxy stands in for nobody: sessions can only be joined */
export function relayedSession(
  host: Surroundings,
  client: ProxyClient,
  connection: InnerConnection,
  link: Link | undefined,
): SessionHandlers {
  const { identity } = connection.identity;
  const env = new Map<string, string>();
  /** What decides whether, and how, a session that runs already is joined. */
  const joining = new Map<string, string>();
  const notices = new SeatNotices();
  let pty: PtyRequest | undefined;
  let agent = false;
  let x11: X11Request | undefined;
  let running: Running | undefined;
  let left = false;
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>();

  /** What the client wishes while its program is being started on the host. */
  const early: ((program: Running) => void)[] = [];
  let resized: WindowSize | undefined;
  let started = false;
  const wish = (what: (program: Running) => void): boolean => {
    if (running) what(running);
    else if (started || early.length >= MAX_EARLY) return false;
    else early.push(what);
    return true;
  };
  const onRunning = (program: Running) => {
    started = true;
    running = program;
    if (resized) program.resize?.(resized);
    for (const what of early.splice(0)) what(program);
    if (left) program.abandon();
  };
  const run = async (channel: ServerSessionChannel, program: Program) => {
    hearNotices(connection, channel);
    const request: SessionRequest = {
      host,
      connection: { identity, username: connection.username },
      fields: link?.fields ?? eventFields(host, client, connection, undefined),
      recordedElsewhere: false,
      target: link && nameOf(link.target),
      pty,
      onSeated: notices.onSeated,
      onRunning,
      onJoined: onRunning,
      onEnded: () => running = undefined,
      gone,
      left: () => left,
      isCut: () => host.sessions.isCut(connection),
    };
    const options: SessionOptions = { pty, env: Object.fromEntries(env), agent, x11 };
    const sid = joining.get(JOIN_SESSION);
    if (sid !== undefined && program.type !== "subsystem") {
      return await joinSession(request, channel, sid, joining.get(JOIN_MODE), commandOf(program));
    }
    if (!link) throw new AppError("unsupported", "this proxy has no shell; name a node: tsh ssh user@node");
    await runOnHost(request, channel, link, program, options);
  };
  const start = async (channel: ServerSessionChannel, program: Program) => {
    const session = run(channel, program).catch((error: unknown) => {
      if (!isAppError(error)) throw error;
      failSession(channel, error.message, NOT_STARTED);
    });
    host.running.add(session);
    await session.finally(() => host.running.delete(session));
  };

  const permitted = (permit: Permit, forwarded: string, addr: string) => {
    try {
      checkPermit(identity, permit);
      if (link) reportForward(host, link, forwarded, addr);
    } catch (error) {
      if (link) reportForward(host, link, forwarded, addr, error);
      throw error;
    }
  };

  return {
    pty: (request) => {
      if (!identity.permits.has("pty")) return false;
      pty = request;
      return true;
    },
    env: (name, value) => {
      const joins = name === JOIN_SESSION || name === JOIN_MODE;
      if (name === SESSION_ID) return false;
      if (notices.takes(name)) return true;
      // Who is bound to a command has no business in other sessions.
      if (joins && identity.forceCommand !== undefined) return false;
      (joins ? joining : env).set(name, value); // the host decides what it takes
      return true;
    },
    resize: (size) => {
      if (pty) pty = { ...pty, ...size };
      if (running) running.resize?.(size);
      else resized = size;
    },
    signal: (name) => wish((program) => program.signal(name)),
    break: () => running?.sendBreak?.() ?? false,
    endOutput: () => void wish((program) => program.endOutput?.()),
    agent: () => {
      link?.lendAgent();
      permitted("agent-forwarding", "agent", "ssh-agent");
      agent = true;
    },
    x11: (request) => {
      permitted("X11-forwarding", "x11", "display");
      x11 = request;
    },
    opened: (tell) => notices.open(tell),
    shell: (channel) => start(channel, { type: "shell" }),
    exec: (channel, command) => start(channel, { type: "exec", name: command }),
    subsystem: (name) => (channel) => start(channel, { type: "subsystem", name }),
    closed: () => {
      left = true;
      leave();
      running?.abandon();
    },
  };
}

async function runOnHost(
  request: SessionRequest,
  channel: ServerSessionChannel,
  link: Link,
  program: Program,
  options: SessionOptions,
): Promise<void> {
  const { host, pty } = request;
  const sid = crypto.randomUUID();
  const command = program.type === "subsystem" ? `subsystem ${program.name}` : commandOf(program);
  // A shell without a terminal is a session like any other: recorded, so that -T is no way around it.
  const recorded = pty !== undefined || program.type === "shell" ||
    program.type === "exec" && host.recording().commands;
  if (!recorded) return await relay(request, channel, link, program, options);
  await link.sshForSession(); // a host that cannot be reached leaves no recording
  options.env = { ...options.env, [SESSION_ID]: sid };
  const launch = async () => (await startOnHost(link, program, options, channel)).program;
  const status = await runRecorded(request, { sid, command, channel, launch });
  if (!pty) report(request, link, program, { sid, ...exitFields(status) });
  sendExit(channel, status);
}

/** What the client has run by the shell. */
function commandOf(program: Program): string | undefined {
  return program.type === "exec" ? program.name : undefined;
}

/** Everything both ways, without a look at it. */
async function relay(
  request: SessionRequest,
  channel: ServerSessionChannel,
  link: Link,
  program: Program,
  options: SessionOptions,
): Promise<void> {
  const { gone } = request;
  let started;
  try {
    started = await startOnHost(link, program, options, channel);
  } catch (error) {
    if (isAppError(error)) {
      report(request, link, program, { exitCode: NOT_STARTED, exitError: error.message });
    }
    throw error;
  }
  const { session, program: running } = started;
  request.onRunning({
    signal: running.signal,
    endOutput: running.endOutput,
    abandon: running.kill,
  });
  flow(channel, session.stream);
  const outputs = Promise.all(running.outputs.map(({ from, to }) => pump(from, to, gone)));
  const status = await session.exit;
  await Promise.race([outputs, gone]);
  request.onEnded();
  report(request, link, program, exitFields(status));
  sendExit(channel, status);
}

/** A node reports by itself what it runs; nobody else would report it of a server of OpenSSH. */
function report(
  { host, fields }: SessionRequest,
  { target }: Link,
  program: Program,
  outcome: { sid?: string; exitCode: number; exitError: string },
): void {
  if (target.node || program.type === "shell") return;
  if (program.type === "exec") {
    return host.emit({ event: "exec", command: program.name, ...fields, ...outcome });
  }
  const { exitError } = outcome;
  host.emit({ event: "subsystem", "subsystem.name": program.name, ...fields, exitError });
}
