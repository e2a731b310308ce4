/**
 * A command without a terminal: three pipes, an exit status, one `exec` event.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { endSession, type ServerSessionChannel } from "../ssh/server_session.ts";
import { connectionFields } from "./context.ts";
import { sessionEnvironment } from "./environment.ts";
import { type ExitStatus, launchPiped } from "./os/launch.ts";
import { shellCommand } from "./os/shell.ts";
import { osLogin } from "./os_login.ts";
import { pump } from "./pump.ts";
import type { SessionRequest } from "./session_request.ts";

export async function runCommand(
  request: SessionRequest,
  channel: ServerSessionChannel,
  command: string,
): Promise<void> {
  const { node, connection } = request;
  const event = { event: "exec" as const, command, ...connectionFields(node, connection) };
  let child;
  try {
    const user = osLogin(connection.username);
    const env = sessionEnvironment(node, connection, user, request.env, undefined);
    child = launchPiped({ user, env, ...shellCommand(user, command) });
  } catch (error) {
    node.emit({ ...event, exitCode: 255, exitError: messageOf(error) });
    throw error;
  }
  request.onRunning({
    signal: (name) => child.signal(name),
    endOutput: () => child.stdout.destroy(),
    abandon: () => child.killSession(),
  });
  channel.pipe(child.stdin);
  const { gone } = request;
  const outputs = Promise.all([pump(child.stdout, channel, gone), pump(child.stderr, channel.stderr, gone)]);
  const status = await child.exit;
  // A command is over when it ended and nobody holds its pipes any more, as in OpenSSH.
  await Promise.race([outputs, gone]);
  request.onEnded();
  node.emit({ ...event, ...exitFields(status) });
  sendExit(channel, status);
}

/** The event's fields: 0 and no error text for success. */
export function exitFields(status: ExitStatus): { exitCode: number; exitError: string } {
  if (status.signal !== undefined) return { exitCode: 255, exitError: `killed by signal ${status.signal}` };
  const code = status.code ?? 255;
  return { exitCode: code, exitError: code === 0 ? "" : `exit status ${code}` };
}

/** Tells the client how the program ended, and closes the channel. */
export function sendExit(channel: ServerSessionChannel, status: ExitStatus): void {
  if (status.signal !== undefined) channel.exit(status.signal, status.coreDumped ?? false, "");
  else channel.exit(status.code ?? 255);
  endSession(channel);
}
