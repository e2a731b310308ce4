/**
 * One thing to log, as it travels from the thread where it happened to where the log goes, and its forms.
 * @module
 */

export type LogLevel = "debug" | "info" | "warning" | "error";

export interface LogEntry {
  /** Milliseconds since the epoch. */
  time: number;
  level: LogLevel;
  /** Who says it, as `auth` or `proxy.ssh`. */
  component: string;
  /** One line without control characters: see {@link printableLine}. */
  message: string;
}

/** From the least to the most severe. */
export const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };

const MAX_MESSAGE = 16_000;
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** The text, so that it can neither end its line nor move the cursor of who reads it. */
export function printableLine(text: string, most = MAX_MESSAGE): string {
  return text.slice(0, most).replace(
    UNPRINTABLE,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** For people. Ends with a newline. */
export function textLine({ time, level, component, message }: LogEntry): string {
  return `${new Date(time).toISOString()} ${level.toUpperCase().padEnd(7)} [${component}] ${message}\n`;
}

/** For programs: a JSON object. Ends with a newline. */
export function jsonLine({ time, level, component, message }: LogEntry): string {
  return `${JSON.stringify({ time: new Date(time).toISOString(), level, component, message })}\n`;
}
