/**
 * Where the daemon's log lines go: standard error or output, or a file. Lines of the roles come in finished.
 * @module
 */
import type { DaemonConfig } from "./config/daemon_config.ts";

export interface LogOutput {
  write(line: string): void;
  /** A line of the supervisor itself. */
  report(level: "info" | "warn" | "error", component: string, text: string): void;
  close(): void;
}

const RANK = { debug: 0, info: 1, warn: 2, error: 3 };
const encoder = new TextEncoder();

export function openLogOutput(config: DaemonConfig): LogOutput {
  const { output, severity, format } = config.log;
  const file = output.kind === "file"
    ? Deno.openSync(output.path, { append: true, create: true, mode: 0o640 })
    : undefined;
  const target = file ?? (output.kind === "stdout" ? Deno.stdout : Deno.stderr);
  const write = (line: string) => {
    const bytes = encoder.encode(line);
    for (let done = 0; done < bytes.length;) done += target.writeSync(bytes.subarray(done));
  };
  return {
    write,
    report(level, component, text) {
      if (RANK[level] < RANK[severity]) return;
      const time = new Date().toISOString();
      const label = level === "warn" ? "warning" : level;
      write(
        format === "json"
          ? `${JSON.stringify({ time, level: label, component, message: text })}\n`
          : `${time} ${label.toUpperCase().padEnd(7)} [${component}] ${text.replaceAll("\n", " ")}\n`,
      );
    },
    close: () => file?.close(),
  };
}
