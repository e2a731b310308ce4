/**
 * A command without a terminal: three pipes, an exit status, one `exec` event.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { exitFields, sendExit } from "../session/exit.ts";
import type { ServerSessionChannel } from "../ssh/server_session.ts";
import { connectionFields } from "./context.ts";
import { sessionEnvironment } from "./environment.ts";
import { launchPiped } from "./os/launch.ts";
import { shellCommand } from "./os/shell.ts";
import { osLogin } from "./os_login.ts";
import { whenOpened } from "./pam/opened.ts";
import { pump } from "../session/pump.ts";
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
    const inside = node.pam?.opener(connection, user);
    child = launchPiped({ user, env, inside, ...shellCommand(user, command) });
    await whenOpened(child, child.stderr, channel.stderr, request.gone);
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
