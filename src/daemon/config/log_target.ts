/**
 * Where the log goes: the words and forms of `teleport.log.output`.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { parseAddress } from "./address.ts";
import type { SyslogTarget } from "../log/syslog_sink.ts";
import { quote } from "../../base/quote.ts";

/** Where log lines go. */
export type LogDestination =
  | { kind: "stdout" | "stderr" }
  | { kind: "syslog"; target: SyslogTarget }
  | { kind: "file"; path: string };

const SYSLOG_PORT = 514;

/**
 * `stdout` (`out`, `1`), `stderr` (`error`, `2`), `syslog`, `syslog://host[:port]` and `udp://host[:port]` for one on
 * another machine, `syslog:///path` for a socket elsewhere.
 * @returns undefined for any other text, which is the path of a file
 * @throws {AppError} bad_input for a form that is not complete
 */
export function parseLogTarget(text: string): LogDestination | undefined {
  switch (text.toLowerCase()) {
    case "stderr":
    case "error":
    case "2":
      return { kind: "stderr" };
    case "stdout":
    case "out":
    case "1":
      return { kind: "stdout" };
    case "syslog":
      return { kind: "syslog", target: { kind: "local" } };
  }
  const [, scheme, rest = ""] = /^([a-z]+):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  if (!["syslog", "udp"].includes(scheme.toLowerCase())) {
    throw new AppError(
      "bad_input",
      `${quote(text)}: the log goes to "syslog://host:port", to a file or console`,
    );
  }
  if (scheme.toLowerCase() === "syslog" && rest.startsWith("/")) {
    return { kind: "syslog", target: { kind: "unix", path: rest } };
  }
  return { kind: "syslog", target: { kind: "udp", ...parseAddress(rest, SYSLOG_PORT) } };
}
