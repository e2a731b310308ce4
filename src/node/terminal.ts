/**
 * An interactive session on a node: a program on a pseudo terminal or, if the client wants none, on pipes.
 * @module
 */
import { exitFields, sendExit } from "../session/exit.ts";
import type { Program } from "../session/program.ts";
import { runRecorded } from "../session/recorded_session.ts";
import type { ServerSessionChannel } from "../ssh/server_session.ts";
import { sessionEnvironment } from "./environment.ts";
import { launchOnPty, launchPiped, type PipedChild, type PtyChild } from "./os/launch.ts";
import { shellCommand } from "./os/shell.ts";
import type { OsUser } from "./os/user.ts";
import { recordLogin, recordLogout } from "./os/utmp.ts";
import { osLogin } from "./os_login.ts";
import { whenOpened } from "./pam/opened.ts";
import type { SessionRequest } from "./session_request.ts";

/** End of file as a terminal in its usual mode understands it. */
const CTRL_D = new Uint8Array([4]);

export async function runTerminal(
  request: SessionRequest,
  channel: ServerSessionChannel,
  command: string | undefined,
): Promise<void> {
  const { node, connection, fields, pty, sid } = request;
  const user = osLogin(connection.username);
  let logOut = () => {};
  const launch = async () => {
    const env = sessionEnvironment(node, connection, user, request.env, sid);
    const inside = node.pam?.opener(connection, user);
    const options = { user, env, inside, ...shellCommand(user, command) };
    if (!pty) {
      const child = launchPiped(options);
      await whenOpened(child, child.stderr, channel.stderr, request.gone);
      return onPipes(child, channel);
    }
    const { columns: cols, rows, width, height, term, modes } = pty;
    const child = launchOnPty({ ...options, term, cols, rows, width, height, modes });
    await whenOpened(child, child.terminal, channel, request.gone);
    logOut = logIn(child, user, request);
    return onTerminal(child, channel);
  };
  const status = await runRecorded(request, { sid, command, channel, launch });
  logOut();
  if (command !== undefined && !pty) {
    node.emit({ event: "exec", command, ...fields, sid, ...exitFields(status) });
  }
  sendExit(channel, status);
}

/** Shows up in `who` and `last`. @returns notes the end */
function logIn(child: PtyChild, user: OsUser, { node, connection }: SessionRequest): () => void {
  const login = { tty: child.tty, pid: child.pid, user: user.name, host: connection.remote.address };
  recordLogin(login, node.clock.now());
  return () => recordLogout(login, node.clock.now());
}

function onTerminal(child: PtyChild, channel: ServerSessionChannel): Program {
  const { terminal } = child;
  return {
    exit: child.exit,
    input: terminal,
    outputs: [{ from: terminal, to: channel }],
    signal: (name) => child.signal(name),
    resize: ({ columns, rows, width, height }) => child.resize(columns, rows, width, height),
    sendBreak: () => child.sendBreak(),
    // A terminal is not closed by the end of what one client types.
    endInput: () => {
      if (!terminal.destroyed) terminal.write(CTRL_D);
    },
    endOutput: () => {},
    kill: () => child.killSession(),
  };
}

function onPipes(child: PipedChild, channel: ServerSessionChannel): Program {
  const { stdin, stdout, stderr } = child;
  return {
    exit: child.exit,
    input: stdin,
    outputs: [{ from: stdout, to: channel }, { from: stderr, to: channel.stderr }],
    signal: (name) => child.signal(name),
    resize: () => {},
    sendBreak: () => false,
    endInput: () => void stdin.end(),
    endOutput: () => void stdout.destroy(),
    kill: () => child.killSession(),
  };
}
