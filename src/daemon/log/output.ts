/**
 * Where the daemon's log goes, as configured: entries of the roles, of the supervisor itself, and what an administrator
 * asked for by a signal.
 * @module
 */
import { systemClock } from "../../base/clock.ts";
import { AppError, messageOf } from "../../base/errors.ts";
import {
  jsonLine,
  type LogEntry,
  type LogLevel,
  printableLine,
  RANK,
  textLine,
} from "../../base/log_entry.ts";
import type { LogConfig } from "../config/daemon_config.ts";
import { LogQueue, type LogSink } from "./queue.ts";
import { consoleSink, fileSink } from "./stream_sink.ts";
import { syslogSink } from "./syslog_sink.ts";

export interface LogOutput {
  /** An entry that was found severe enough where it was made. */
  write(entry: LogEntry): void;
  /** Something the supervisor itself has to say. */
  report(level: "info" | "warn" | "error", component: string, text: string): void;
  /** What somebody asked for: one entry a line, whatever the severity. */
  tell(component: string, text: string): void;
  /** Opens a log file anew, after it was moved away. */
  reopen(): void;
  /** Entries that were dropped because they could not be written as fast as they came. */
  readonly lost: number;
  /** Writes what waits, for half a second at most. */
  close(): Promise<void>;
}

const FLUSH_MS = 500;

/** @throws {AppError} unavailable when the log file cannot be opened */
export function openLogOutput(config: LogConfig): LogOutput {
  const sink = openSink(config);
  const elsewhere = config.output.kind === "file" || config.output.kind === "syslog";
  const queue = new LogQueue(sink, systemClock, elsewhere ? sayOnConsole : undefined);
  const lowest: LogLevel = config.severity === "warn" ? "warning" : config.severity;
  const entry = (level: LogLevel, component: string, text: string): LogEntry => ({
    time: Date.now(),
    level,
    component,
    message: printableLine(text),
  });
  const output: LogOutput = {
    write: (entry) => queue.push(entry),
    report(severity, component, text) {
      const level = severity === "warn" ? "warning" : severity;
      if (RANK[level] >= RANK[lowest]) queue.push(entry(level, component, text.replaceAll("\n", " ")));
    },
    tell(component, text) {
      for (const line of text.split("\n")) if (line !== "") queue.push(entry("info", component, line));
    },
    reopen() {
      try {
        sink.reopen();
      } catch (error) {
        output.report("error", "log", `the log file cannot be opened anew: ${messageOf(error)}`);
      }
    },
    get lost() {
      return queue.lost;
    },
    async close() {
      await queue.flush(FLUSH_MS);
      sink.close();
    },
  };
  return output;
}

/** Where somebody may see it: the log itself cannot say so. Nobody waits for it. */
function sayOnConsole(reason: string): void {
  const text = `error: the log cannot be written, lines are dropped until it can: ${printableLine(reason)}\n`;
  Deno.stderr.write(new TextEncoder().encode(text)).catch(() => {}); // nobody is there either
}

function openSink({ output, format }: LogConfig): LogSink {
  const form = format === "json" ? jsonLine : textLine;
  switch (output.kind) {
    case "stdout":
      return consoleSink(Deno.stdout, form);
    case "stderr":
      return consoleSink(Deno.stderr, form);
    case "file":
      try {
        return fileSink(output.path, form);
      } catch (error) {
        const text = `the log file ${output.path} cannot be opened: ${
          messageOf(error)
        }; see teleport.log.output`;
        throw new AppError("unavailable", text, { cause: error });
      }
    case "syslog":
      return syslogSink({
        target: output.target,
        body: format === "json" ? (entry) => jsonLine(entry).trimEnd() : plainBody,
        hostname: Deno.hostname(),
        pid: Deno.pid,
        clock: systemClock,
      });
  }
}

function plainBody({ component, message }: LogEntry): string {
  return `[${component}] ${message}`;
}
