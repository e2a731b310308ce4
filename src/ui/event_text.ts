/**
 * Audit events in words.
 * @module
 */
import { EVENT_NAMES } from "../model/event.ts";
import type { Output } from "../api/contract.ts";

export type LoggedEvent = Output<"events.search">[number];

const TITLES: Readonly<Record<string, string>> = {
  "user.login": "Login",
  "user.logout": "Sign-out",
  auth: "Certificate accepted",
  "proxy.connect": "Proxied connection",
  "client.disconnect": "Connection ended",
  "client.refused": "Client refused",
  "session.start": "Session started",
  "session.end": "Session ended",
  "session.join": "Session joined",
  "session.leave": "Session left",
  "session.terminate": "Session terminated",
  "session.gap": "Gap in a recording",
  "session.upload": "Recording stored",
  resize: "Terminal resized",
  exec: "Command run",
  scp: "File copied (scp)",
  sftp: "File access (sftp)",
  port: "Port forwarded",
  subsystem: "Subsystem",
  "user.create": "User created",
  "user.delete": "User removed",
  "user.invite": "User invited",
  "user.signup": "User signed up",
  "user.lock": "User locked",
  "user.unlock": "User unlocked",
  "user.update": "User changed",
  "user.reset": "User reset",
  "ca.rotate": "Authorities rotated",
  "cluster.join": "Cluster paired",
  "cluster.keys": "Authorities of a cluster learned",
  "tunnel.open": "Tunnel opened",
  "tunnel.close": "Tunnel closed",
  "resource.create": "Resource created",
  "resource.update": "Resource changed",
  "resource.delete": "Resource removed",
  "resource.secrets": "Secrets read",
  "token.create": "Token created",
  "token.delete": "Token removed",
  "host.join": "Host joined",
  "cert.create": "Certificate issued",
  "events.lost": "Events lost",
  "audit.retention": "Old log removed",
  "recording.read": "Recording played",
  "recording.delete": "Recording removed",
};

/** The same where it was refused or failed. */
const FAILURES: Readonly<Record<string, string>> = {
  "user.login": "Login refused",
  auth: "Access refused",
  "proxy.connect": "Connection refused",
  "session.start": "Session refused",
  "session.join": "Joining refused",
  "session.terminate": "Session not terminated",
  exec: "Command failed",
  scp: "Copying refused (scp)",
  sftp: "File access refused (sftp)",
  port: "Port forwarding refused",
  subsystem: "Subsystem refused",
  "user.signup": "Sign-up refused",
  "user.reset": "Reset refused",
  "host.join": "Host refused",
  "recording.read": "Recording not played",
};

/** What events of a name are called; a name that is not known here is shown as it is. */
export function eventTitle(name: string): string {
  return Object.hasOwn(TITLES, name) ? TITLES[name] ?? name : name;
}

/** What happened, in a few words. Some names tell of a failure by themselves. */
export function eventHeading(event: LoggedEvent): string {
  const name = String(event.event);
  if (!isFailure(event) || ALWAYS_FAILURES.has(name)) return eventTitle(name);
  return Object.hasOwn(FAILURES, name) ? FAILURES[name] ?? name : `${eventTitle(name)} (failed)`;
}

const ALWAYS_FAILURES: ReadonlySet<string> = new Set(["client.refused", "session.gap", "events.lost"]);

/** The names that a filter offers, with their words, in alphabetical order of these. */
export const EVENT_CHOICES: readonly { name: string; title: string }[] = [...EVENT_NAMES]
  .map((name) => ({ name, title: eventTitle(name) }))
  .sort((a, b) => a.title.localeCompare(b.title));

/** Fields that say most, with how they are shown. */
const TOLD: readonly (readonly [string, (value: string) => string])[] = [
  ["login", (value) => `as ${value}`],
  ["server_name", (value) => `on ${value}`],
  ["command", (value) => value],
  ["path", (value) => value],
  ["action", (value) => value],
  ["addr", (value) => value],
  ["target", (value) => value],
  ["kind", (value) => value],
  ["name", (value) => value],
  ["host", (value) => value],
  ["method", (value) => `by ${value}`],
  ["size", (value) => value.replace(":", " × ")],
  ["reason", (value) => value],
  ["error", (value) => value],
];

/** One line about an event, out of its fields. */
export function eventDetails(event: LoggedEvent): string {
  const parts = TOLD.flatMap(([field, words]) => {
    const value = event[field];
    return value === undefined || value === "" ? [] : [words(String(value))];
  });
  return parts.join(" · ");
}

/** Whether an event tells of something that was refused or failed. Old events say it as text. */
export function isFailure(event: LoggedEvent): boolean {
  return event.success === false || event.success === "false";
}

/** What tells one event from all others. */
export function eventKey(event: LoggedEvent): string {
  return JSON.stringify(event);
}
