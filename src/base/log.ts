/**
 * Logging by LogTape: one logger a component, configured once in each thread by `startLog`.
 * @module
 */
import { configure, getLogger, type Logger, type LogRecord } from "@logtape/logtape";

export type Severity = "DEBUG" | "INFO" | "WARN" | "ERROR";

const LEVELS = { DEBUG: "debug", INFO: "info", WARN: "warning", ERROR: "error" } as const;

/** The logger of a component, as `auth`. Messages take `{placeholders}`; values are shown quoted and escaped. */
export function logger(component: string): Logger {
  return getLogger(["teleport", component]);
}

/** Starts logging in this thread: every line at or above `severity` goes to `write`, with its newline. */
export async function startLog(severity: Severity, format: "text" | "json", write: (line: string) => void) {
  const render = format === "json" ? jsonLine : textLine;
  await configure({
    reset: true,
    sinks: { out: (record) => write(render(record)) },
    loggers: [
      { category: ["teleport"], lowestLevel: LEVELS[severity], sinks: ["out"] },
      { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: [] },
    ],
  });
}

function messageText(record: LogRecord): string {
  return record.message.map((part, i) => i % 2 === 0 ? String(part) : printableValue(part)).join("");
}

// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A value from anywhere, so that it can neither end the line nor move the cursor. */
function printableValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return text.slice(0, 2000).replace(
    UNPRINTABLE,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function textLine(record: LogRecord): string {
  const component = record.category.slice(1).join(".");
  const time = new Date(record.timestamp).toISOString();
  return `${time} ${record.level.toUpperCase().padEnd(7)} [${component}] ${messageText(record)}\n`;
}

function jsonLine(record: LogRecord): string {
  const line = {
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    component: record.category.slice(1).join("."),
    message: messageText(record),
  };
  return `${JSON.stringify(line)}\n`;
}
