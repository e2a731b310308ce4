/**
 * What a call of `tsh ssh`, or of `ssh`, asks for.
 * @module
 */
import type { TshOptions } from "../options.ts";
import type { Forward } from "./forward_spec.ts";

/** Whether the remote side gets a terminal: `auto` means for a shell on a terminal, `force` also without a local one. */
export type Terminal = "no" | "auto" | "yes" | "force";

export interface SshCall extends TshOptions {
  /** `[user@]host`, `ssh://[user@]host[:port]` or labels. */
  target?: string;
  /** The remote command's words; with `subsystem` its name. */
  words: string[];
  port: number;
  terminal: Terminal;
  subsystem: boolean;
  /** No shell and no command: forwards only. */
  noCommand: boolean;
  /** Goes to the background once everything is set up. */
  background: boolean;
  /** Standard input is empty. */
  stdinNull: boolean;
  quiet: boolean;
  verbose: number;
  forwardAgent: boolean;
  x11: boolean;
  /** Runs the words on this machine while connected. */
  local: boolean;
  localForwards: Forward[];
  remoteForwards: Forward[];
  /** Connects standard input and output to this address from the remote side. */
  stdio?: { host: string; port: number };
  exitOnForwardFailure: boolean;
  batch: boolean;
  /** Milliseconds. */
  connectTimeout?: number;
  keepAlive?: number;
  /** Names, with `*` and `?`, of variables to send. */
  sendEnv: string[];
  setEnv: Record<string, string>;
  /** Undefined: no escapes. */
  escape: string | undefined;
  /** Where messages go instead of standard error. */
  logFile?: string;
  /** Notes about what was ignored, for -v. */
  notes: string[];
  /** Called as `ssh`: failures end with 255, as scripts expect. */
  asSsh: boolean;
  help: boolean;
  version: boolean;
  /** Nodes at once, for labels. */
  parallel: number;
}

export function newCall(asSsh: boolean): SshCall {
  return {
    words: [],
    port: 0,
    terminal: "auto",
    subsystem: false,
    noCommand: false,
    background: false,
    stdinNull: false,
    quiet: false,
    verbose: 0,
    forwardAgent: false,
    x11: false,
    local: false,
    localForwards: [],
    remoteForwards: [],
    exitOnForwardFailure: false,
    batch: false,
    sendEnv: ["LANG", "LC_*", "COLORTERM"],
    setEnv: {},
    escape: "~",
    notes: [],
    asSsh,
    help: false,
    version: false,
    parallel: 16,
  };
}
