/**
 * The environment of a session: the login's own, what describes the connection, then what the client may add.
 * @module
 */
import { isAppError } from "../base/errors.ts";
import { type NodeConnection, type NodeContext } from "./context.ts";
import { readSmallFile } from "./os/read_file.ts";
import { loginEnvironment } from "./os/shell.ts";
import type { OsUser } from "./os/user.ts";

/** Names a client cannot set: they decide who the session is, or what code the shell loads. */
const RESERVED =
  /^(?:LD_.*|SSH_.*|TELEPORT_.*|HOME|USER|LOGNAME|SHELL|PATH|MAIL|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|PS4)$/;
/** A recording proxy tells it to the hosts of its sessions. */
export const SESSION_ID = "SSH_SESSION_ID";
const MAX_USER_ENV_LINES = 1000;

/** True when a client may set this variable. With a forced command only the locale may be set. */
export function clientMaySet(name: string, value: string, forcedCommand: boolean): boolean {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || value.includes("\0") || value.length > 32_768) {
    return false;
  }
  if (forcedCommand) return /^(?:LANG|LC_[A-Z]+)$/.test(name);
  return !RESERVED.test(name);
}

export function sessionEnvironment(
  node: NodeContext,
  connection: NodeConnection,
  user: OsUser,
  fromClient: ReadonlyMap<string, string>,
  sid: string | undefined,
): Record<string, string> {
  const { remote, local, identity } = connection;
  const [from, to] = [remote.address, local.address].map((address) => address.replace(/^::ffff:/, ""));
  const env: Record<string, string> = {
    ...loginEnvironment(user),
    SSH_CLIENT: `${from} ${remote.port} ${local.port}`,
    SSH_CONNECTION: `${from} ${remote.port} ${to} ${local.port}`,
    SSH_TELEPORT_USER: identity.name,
    SSH_TELEPORT_HOST_UUID: node.hostId,
    SSH_TELEPORT_CLUSTER_NAME: node.trust().cluster,
  };
  const web = node.webProxy();
  if (web !== undefined) env.SSH_SESSION_WEBPROXY_ADDR = web;
  if (sid !== undefined) env[SESSION_ID] = sid;
  for (const [name, value] of fromClient) env[name] = value;
  if (node.permitUserEnv && identity.forceCommand === undefined) Object.assign(env, userEnvironment(user));
  return env;
}

/** `~/.tsh/environment`: NAME=value lines, # comments. */
function userEnvironment(user: OsUser): Record<string, string> {
  let text: string | undefined;
  try {
    text = readSmallFile(`${user.home}/.tsh/environment`);
  } catch (error) {
    if (isAppError(error)) return {}; // unreadable: as if it were not there
    throw error;
  }
  return parseUserEnvironment(text ?? "");
}

export function parseUserEnvironment(text: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const line of text.split("\n").slice(0, MAX_USER_ENV_LINES)) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line);
    if (match?.[1] && !RESERVED.test(match[1])) env[match[1]] = match[2] ?? "";
  }
  return env;
}
