/**
 * How a session's program ended, for the audit log and for the client.
 * @module
 */
import type { ExitStatus } from "../ssh/channel.ts";
import { endSession, type ServerSessionChannel } from "../ssh/server_session.ts";

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
