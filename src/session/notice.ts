/**
 * Telling the people on a connection something, on the standard error of their sessions.
 * @module
 */
import type { ServerSessionChannel } from "../ssh/server_session.ts";

const sessions = new WeakMap<object, Set<ServerSessionChannel>>();

/** Notices reach this session from now on, until it is closed. */
export function hearNotices(connection: object, channel: ServerSessionChannel): void {
  const channels = sessions.get(connection) ?? new Set();
  sessions.set(connection, channels.add(channel));
  channel.once("close", () => channels.delete(channel));
}

/**
 * @param text of ours, one line
 * @returns whether there was anybody to tell
 */
export function tellSessions(connection: object, text: string): boolean {
  let told = false;
  for (const channel of sessions.get(connection) ?? []) {
    if (!channel.stderr.writable) continue;
    channel.stderr.write(`\r\n${text}\r\n`);
    told = true;
  }
  return told;
}
