/**
 * An interactive session: a program on a pseudo terminal (or, if the client wants none, on pipes), recorded from its
 * first byte. No recorder, no session.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { AppError } from "../base/errors.ts";
import { type EventFields, sessionTime } from "../model/event.ts";
import { Hub, LINGER_MS } from "../session/hub.ts";
import { printable } from "../ssh/public_key.ts";
import type { ServerSessionChannel } from "../ssh/server_session.ts";
import { connectionFields } from "./context.ts";
import { sessionEnvironment } from "./environment.ts";
import { exitFields, sendExit } from "./exec.ts";
import { LiveSession } from "./live_sessions.ts";
import { type Child, launchOnPty, launchPiped, type PtyChild } from "./os/launch.ts";
import { shellCommand } from "./os/shell.ts";
import type { OsUser } from "./os/user.ts";
import { recordLogin, recordLogout } from "./os/utmp.ts";
import { osLogin } from "./os_login.ts";
import { pump, type Tap } from "./pump.ts";
import { startRecorder } from "./session_recorder.ts";
import type { SessionRequest } from "./session_request.ts";

/** End of file as a terminal in its usual mode understands it. */
const CTRL_D = new Uint8Array([4]);

export async function runTerminal(
  request: SessionRequest,
  channel: ServerSessionChannel,
  command: string | undefined,
): Promise<void> {
  const { node, connection } = request;
  const sid = crypto.randomUUID();
  const user = osLogin(connection.username);
  const fields = { sid, ...connectionFields(node, connection) };
  const stamp = (event: EventFields): EventFields => ({
    time: sessionTime(node.clock.now()),
    ...fields,
    ...event,
  });
  let endForFailure = (_error: Error) => {};
  const recorder = await startRecorder(
    node,
    sid,
    (error) => endForFailure(error),
    (event) => node.emit(stamp(event)),
  ); // when it throws, there is no session
  const report = (event: EventFields) => {
    const stamped = stamp(event);
    recorder?.event(stamped);
    node.emit(stamped);
  };

  let program: Program;
  try {
    if (request.left()) throw new AppError("closed", "the client left before the session started");
    program = launch(request, channel, user, sid, command);
  } catch (error) {
    await recorder?.end(stamp({ event: "session.end", exitError: "the program could not be started" }));
    throw error;
  }
  const { child, pty } = program;
  endForFailure = (error) => {
    channel.stderr.write(
      `\r\nteleport: the session ends because it cannot be recorded: ${error.message}\r\n`,
    );
    child.killSession();
  };
  const size = request.pty ? `${request.pty.columns}:${request.pty.rows}` : undefined;
  node.journal.begin(sid, fields);
  report({ event: "session.start", size, command });
  const live = pty && request.pty && new LiveSession({
    sid,
    login: connection.username,
    owner: connection.identity,
    child: pty,
    started: node.clock.now(),
    hub: (onChange) =>
      new Hub({
        clock: node.clock,
        // A command is over with its client, as in OpenSSH; people come back to a shell.
        lingerMs: command === undefined ? LINGER_MS : 0,
        owner: { ...seatOf(request, channel), size: request.pty ?? NO_SIZE, fields },
        onSize: (to) => pty.resize(to.columns, to.rows, to.width, to.height),
        onEvent: report,
        onChange,
        onAbandoned: () => child.killSession(),
      }),
  });
  if (live) node.sessions.add(live);
  request.onRunning({
    signal: (name) => child.signal(name),
    resize: (to) => live?.hub.owner.resize(to),
    sendBreak: () => pty?.sendBreak() ?? false,
    // A terminal's output has other readers; a client that reads no more drops it.
    endOutput: pty ? undefined : () => program.outputs[0]?.from.destroy(),
    abandon: () => {
      if (!live) return child.killSession();
      if (node.sessions.isCut(connection)) live.hub.hurry();
      live.hub.owner.leave();
    },
  });
  const login = pty && { tty: pty.tty, pid: child.pid, user: user.name, host: connection.remote.address };
  if (login) recordLogin(login, node.clock.now());

  const tap = live ? tapFor(live.hub, recorder) : recorder;
  const shown = program.outputs.map(({ from, to }) => pump(from, to, request.gone, tap));
  feed(channel, program, request);
  const status = await child.exit;
  await Promise.all(shown);
  request.onEnded();

  if (login) recordLogout(login, node.clock.now());
  if (live) live.hub.end();
  else report({ event: "session.leave" });
  const end = stamp({ event: "session.end", ...exitFields(status), reason: live?.reason });
  await recorder?.end(end);
  node.emit(end);
  if (command !== undefined && !pty) node.emit({ event: "exec", command, ...fields, ...exitFields(status) });
  node.journal.end(sid);
  if (live) node.sessions.remove(live, status);
  sendExit(channel, status);
}

const NO_SIZE = { columns: 80, rows: 25, width: 0, height: 0 };

/** What a party's seat in a session gets from its connection. */
export function seatOf({ connection }: SessionRequest, output: ServerSessionChannel) {
  return { user: printable(connection.identity.name), mode: "peer" as const, output };
}

/** Output for those who have joined and for the recording, which decides on the pace. */
function tapFor(hub: Hub, recorder: Tap | undefined): Tap {
  return {
    print(piece) {
      hub.show(piece);
      return recorder?.print(piece);
    },
  };
}

/** A started program and its streams. */
interface Program {
  child: Child;
  pty?: PtyChild;
  input: Writable;
  outputs: { from: Readable; to: Writable }[];
}

function launch(
  request: SessionRequest,
  channel: ServerSessionChannel,
  user: OsUser,
  sid: string,
  command: string | undefined,
): Program {
  const { node, connection, pty } = request;
  const env = sessionEnvironment(node, connection, user, request.env, sid);
  const options = { user, env, ...shellCommand(user, command) };
  if (!pty) {
    const child = launchPiped(options);
    const outputs = [{ from: child.stdout, to: channel }, { from: child.stderr, to: channel.stderr }];
    return { child, input: child.stdin, outputs };
  }
  const { columns: cols, rows, width, height, term, modes } = pty;
  const child = launchOnPty({ ...options, term, cols, rows, width, height, modes });
  return { child, pty: child, input: child.terminal, outputs: [{ from: child.terminal, to: channel }] };
}

/** The client's input. Its end is an end of file to the program; a terminal is not closed by it. */
function feed(channel: ServerSessionChannel, { input, pty }: Program, { left }: SessionRequest): void {
  channel.on("data", (chunk: Uint8Array) => {
    if (input.destroyed || !input.writable || input.write(chunk)) return;
    channel.pause();
    input.once("drain", () => channel.resume());
  });
  channel.once("end", () => {
    if (!pty) input.end();
    else if (!input.destroyed && !left()) input.write(CTRL_D); // who is cut off has not said that this is all
  });
}
