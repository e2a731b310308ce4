/**
 * Audit events: what happened, who did it, from where, and whether it was allowed.
 * @module
 */

/** The names of the events this build emits, by subject. */
export const EVENT_NAMES = [
  // who may, and who may not
  "user.login",
  "user.logout",
  "auth",
  "proxy.connect",
  "client.disconnect",
  "client.refused",
  // sessions and what happens in them
  "session.start",
  "session.end",
  "session.leave",
  "session.join",
  "session.terminate",
  "session.gap",
  "session.upload",
  "resize",
  "exec",
  "scp",
  "sftp",
  "port",
  "subsystem",
  // accounts
  "user.create",
  "user.delete",
  "user.invite",
  "user.signup",
  "user.lock",
  "user.unlock",
  "user.update",
  "user.reset",
  // everything else that is kept
  "ca.rotate",
  "resource.create",
  "resource.update",
  "resource.delete",
  "resource.secrets",
  "token.create",
  "token.delete",
  "host.join",
  "cert.create",
  // other clusters
  "cluster.join",
  "cluster.keys",
  "tunnel.open",
  "tunnel.close",
  // the log itself, and the recordings
  "events.lost",
  "audit.retention",
  "recording.read",
  "recording.delete",
] as const;

export type EventName = (typeof EVENT_NAMES)[number];

/** Values of an event's fields. */
export type EventValue = string | number | boolean;

/** One line of the audit log: `event` and `time` plus fields like `user`, `login`, `addr.remote`, `success`, `error`. */
export type AuditEvent = { event: EventName; time: string } & { [field: string]: EventValue };

/** An event before the log stamps it. */
export type EventFields = { event: EventName; time?: string } & { [field: string]: EventValue | undefined };

/** Seconds precision, as the log has it: `2018-05-01T10:00:00Z`. */
export function eventTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** Milliseconds precision, for session events. */
export function sessionTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** What JSON leaves as it is, but a terminal or a line reader acts on: DEL, the C1 controls, the line separators. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029]/g;

/** The event as one line of JSON with sorted keys, or undefined fields left out. */
export function formatEvent(event: EventFields): string {
  const keys = Object.keys(event).filter((key) => event[key] !== undefined).sort();
  const line = JSON.stringify(Object.fromEntries(keys.map((key) => [key, event[key]])));
  return line.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
