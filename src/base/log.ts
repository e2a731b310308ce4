/**
 * Logging by LogTape: one logger a component, configured once in each thread by `startLog`.
 * @module
 */
import { configure, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { type LogEntry, type LogLevel, printableLine } from "./log_entry.ts";

export type Severity = "DEBUG" | "INFO" | "WARN" | "ERROR";

const LEVELS = { DEBUG: "debug", INFO: "info", WARN: "warning", ERROR: "error" } as const;
const MAX_VALUE = 2000;

/** The logger of a component, as `auth`. Messages take `{placeholders}`; values are shown quoted and escaped. */
export function logger(component: string): Logger {
  return getLogger(["teleport", component]);
}

/** Starts logging in this thread: every entry at or above `severity` goes to `write`. */
export async function startLog(severity: Severity, write: (entry: LogEntry) => void): Promise<void> {
  await configure({
    reset: true,
    sinks: { out: (record) => write(entryOf(record)) },
    loggers: [
      { category: ["teleport"], lowestLevel: LEVELS[severity], sinks: ["out"] },
      { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: [] },
    ],
  });
}

function entryOf(record: LogRecord): LogEntry {
  return {
    time: record.timestamp,
    level: levelOf(record.level),
    component: record.category.slice(1).join("."),
    message: messageText(record),
  };
}

function levelOf(level: LogRecord["level"]): LogLevel {
  if (level === "trace") return "debug";
  return level === "fatal" ? "error" : level;
}

/** The parts of a message are its own text and, between them, the values. */
function messageText(record: LogRecord): string {
  const parts = record.message.map((part, i) => i % 2 === 0 ? String(part) : valueText(part));
  return printableLine(parts.join(""));
}

/** A value from anywhere: bounded, so that it leaves room for the rest. */
function valueText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return printableLine(text, MAX_VALUE);
}
