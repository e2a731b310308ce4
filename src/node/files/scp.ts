/**
 * `scp -t` and `scp -f` of a session: one `scp` event for each file, one `exec` event at the end.
 * @module
 */
import { messageOf } from "../../base/errors.ts";
import type { ServerSessionChannel } from "../../ssh/server_session.ts";
import { connectionFields } from "../context.ts";
import { sessionEnvironment } from "../environment.ts";
import { exitFields, sendExit } from "../../session/exit.ts";
import { runCommand } from "../exec.ts";
import type { ExitStatus } from "../os/launch.ts";
import { osLogin } from "../os_login.ts";
import type { SessionRequest } from "../session_request.ts";
import { expandWords } from "./expand_words.ts";
import { parseScpWords } from "./scp_call.ts";
import { serveFiles } from "./serve.ts";

/** @param text the arguments, not yet expanded */
export async function runScp(
  request: SessionRequest,
  channel: ServerSessionChannel,
  command: string,
  text: string,
): Promise<void> {
  const { node, connection } = request;
  const event = { event: "exec" as const, command, ...connectionFields(node, connection) };
  let status: ExitStatus | undefined;
  try {
    status = await serve(request, channel, text);
  } catch (error) {
    node.emit({ ...event, exitCode: 255, exitError: messageOf(error) });
    throw error;
  }
  if (status === undefined) return await runCommand(request, channel, command);
  node.emit({ ...event, ...exitFields(status) });
  sendExit(channel, status);
}

/** @returns undefined when the words turn out to be a call for the real scp */
async function serve(
  request: SessionRequest,
  channel: ServerSessionChannel,
  text: string,
): Promise<ExitStatus | undefined> {
  const { node, connection } = request;
  const user = osLogin(connection.username);
  await node.pam?.hold(connection, user);
  const env = sessionEnvironment(node, connection, user, request.env, undefined);
  const expansion = await expandWords(
    { user, env, text },
    node.clock,
    (shell) =>
      request.onRunning({ signal: (name) => shell.signal(name), abandon: () => shell.killSession() }),
  );
  request.onEnded();
  if ("status" in expansion) {
    channel.write(expansion.output);
    channel.stderr.write(expansion.messages);
    return expansion.status;
  }
  const options = parseScpWords(expansion.words);
  if (options === undefined) return undefined;
  return (await serveFiles(request, channel, user, { type: "scp", options })).status;
}
