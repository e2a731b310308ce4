/**
 * The remote command of an scp session. What it names is expanded by the shell over there: wildcards work, and whoever
 * wants something literal has to quote it.
 * @module
 */
import type { TransferOptions } from "../transfer/report.ts";

export interface ScpCommandOptions extends Pick<TransferOptions, "recursive" | "preserve"> {
  /** The target must be a folder, because there is more than one source. */
  toDirectory?: boolean;
}

/** @param role of the other side: `source` sends `path`, `sink` receives it */
export function scpCommand(role: "source" | "sink", path: string, options: ScpCommandOptions = {}): string {
  const flags = [
    options.recursive ? "-r" : "",
    options.preserve ? "-p" : "",
    options.toDirectory ? "-d" : "",
    role === "source" ? "-f" : "-t",
    path.startsWith("-") ? "--" : "",
  ];
  return ["scp", ...flags.filter(Boolean), path].join(" ");
}
