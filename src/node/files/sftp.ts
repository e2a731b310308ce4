/**
 * The `sftp` subsystem of a session: one `sftp` event for each file and each change, one `subsystem` event at the end.
 * @module
 */
import { AppError, messageOf } from "../../base/errors.ts";
import type { ServerSessionChannel } from "../../ssh/server_session.ts";
import { connectionFields } from "../context.ts";
import { exitFields, sendExit } from "../../session/exit.ts";
import { osLogin } from "../os_login.ts";
import type { SessionRequest } from "../session_request.ts";
import { parseInternalSftp, UNRESTRICTED } from "./internal_sftp.ts";
import { serveFiles } from "./serve.ts";

/**
 * A session whose certificate forces internal-sftp.
 * @param other what was asked for instead of sftp: that is refused
 * @throws {AppError} access_denied
 */
export async function runForcedSftp(
  request: SessionRequest,
  channel: ServerSessionChannel,
  forced: string,
  other: string | undefined,
): Promise<void> {
  if (other === undefined) return await runSftp(request, channel, forced);
  const { node, connection } = request;
  const error = new AppError("access_denied", "This service allows sftp connections only."); // OpenSSH's words
  const fields = connectionFields(node, connection);
  node.emit({ event: "exec", command: other, ...fields, exitCode: 1, exitError: error.message });
  throw error;
}

/** @param forced the forced command, which is internal-sftp */
export async function runSftp(
  request: SessionRequest,
  channel: ServerSessionChannel,
  forced?: string,
): Promise<void> {
  const { node, connection } = request;
  const event = {
    event: "subsystem" as const,
    "subsystem.name": "sftp",
    ...connectionFields(node, connection),
  };
  let status;
  try {
    const user = osLogin(connection.username);
    await node.pam?.hold(connection, user);
    const options = forced === undefined ? UNRESTRICTED : parseInternalSftp(forced, user);
    ({ status } = await serveFiles(request, channel, user, { type: "sftp", options }));
  } catch (error) {
    node.emit({ ...event, exitError: messageOf(error) });
    throw error;
  }
  node.emit({ ...event, exitError: exitFields(status).exitError });
  sendExit(channel, status);
}
