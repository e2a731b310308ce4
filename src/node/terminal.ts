/**
 * An interactive session: a program on a pseudo terminal (or, if the client wants none, on pipes), recorded from its
 * first byte. No recorder, no session.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { AppError } from "../base/errors.ts";
import { type EventFields, sessionTime } from "../model/event.ts";
import type { ServerSessionChannel } from "../ssh/server_session.ts";
import { connectionFields } from "./context.ts";
import { sessionEnvironment } from "./environment.ts";
import { exitFields, sendExit } from "./exec.ts";
import { type Child, launchOnPty, launchPiped, type PtyChild } from "./os/launch.ts";
import { shellCommand } from "./os/shell.ts";
import type { OsUser } from "./os/user.ts";
import { recordLogin, recordLogout } from "./os/utmp.ts";
import { osLogin } from "./os_login.ts";
import { pump } from "./pump.ts";
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
  const stamp = (event: EventFields) => ({ time: sessionTime(node.clock.now()), ...event, ...fields });
  let endForFailure = (_error: Error) => {};
  const recorder = node.recording() === "off"
    ? undefined
    : await node.spool.begin(sid, { onFailure: (error) => endForFailure(error) }); // when it throws, there is no session
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
  report({ event: "session.start", size, command });
  request.onRunning({
    signal: (name) => child.signal(name),
    resize: (to) => {
      pty?.resize(to.columns, to.rows, to.width, to.height);
      report({ event: "resize", size: `${to.columns}:${to.rows}` });
    },
    sendBreak: () => pty?.sendBreak() ?? false,
    // A terminal's output has other readers; a client that reads no more drops it.
    endOutput: pty ? undefined : () => program.outputs[0]?.from.destroy(),
    abandon: () => child.killSession(),
  });
  const login = pty && { tty: pty.tty, pid: child.pid, user: user.name, host: connection.remote.address };
  if (login) recordLogin(login, node.clock.now());

  const shown = program.outputs.map(({ from, to }) => pump(from, to, request.gone, recorder));
  feed(channel, program);
  const status = await child.exit;
  await Promise.all(shown);
  request.onEnded();

  if (login) recordLogout(login, node.clock.now());
  report({ event: "session.leave" });
  const end = stamp({ event: "session.end", ...exitFields(status) });
  await recorder?.end(end);
  node.emit(end);
  sendExit(channel, status);
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
function feed(channel: ServerSessionChannel, { input, pty }: Program): void {
  channel.on("data", (chunk: Uint8Array) => {
    if (input.destroyed || !input.writable || input.write(chunk)) return;
    channel.pause();
    input.once("drain", () => channel.resume());
  });
  channel.once("end", () => {
    if (!pty) input.end();
    else if (!input.destroyed) input.write(CTRL_D);
  });
}
