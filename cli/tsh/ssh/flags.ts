/**
 * The command line of `tsh ssh`: OpenSSH's flags, so that other programs can call it as `ssh`, and tsh's own.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";
import { type Flag, type FlagTable, takeFlag, TSH_OPTIONS } from "../flag_table.ts";
import { newCall, type SshCall } from "./call.ts";
import { applyOption, port } from "./client_options.ts";
import { parseForward, parseHostPort } from "./forward_spec.ts";

const NOTHING: Flag<SshCall> = {};
const NOTHING_WITH_VALUE: Flag<SshCall> = { value: "value" };

const LETTERS: Readonly<Record<string, Flag<SshCall>>> = {
  p: { value: "port", text: "SSH port of the node", set: (call, value) => call.port = port("-p", value) },
  l: { value: "login", text: "OS user to log in as", set: (call, value) => call.login = value },
  i: {
    value: "file",
    text: "identity file, in place of a login",
    set: (call, value) => call.identity ??= value,
  },
  A: { text: "lend the running ssh-agent to the session", set: (call) => call.forwardAgent = true },
  a: { text: "do not lend the agent", set: (call) => call.forwardAgent = false },
  L: {
    value: "[bind:]port:host:hostport",
    text: "listen here, connect from the node",
    set: (call, value) => void call.localForwards.push(parseForward("L", value)),
  },
  R: {
    value: "[bind:]port:host:hostport",
    text: "listen on the node, connect from here; port 0 for any, without a target for SOCKS",
    set: (call, value) => void call.remoteForwards.push(parseForward("R", value)),
  },
  D: {
    value: "[bind:]port",
    text: "SOCKS proxy here, connecting from the node",
    set: (call, value) => void call.localForwards.push(parseForward("D", value)),
  },
  W: {
    value: "host:port",
    text: "connect standard input and output to this address from the node",
    set: (call, value) => call.stdio = parseHostPort(value),
  },
  t: {
    text: "use a terminal also for a command; twice: also without a local one",
    set: (call) => call.terminal = call.terminal === "yes" ? "force" : "yes",
  },
  T: { text: "use no terminal", set: (call) => call.terminal = "no" },
  N: { text: "run nothing: forwards only", set: (call) => call.noCommand = true },
  n: { text: "no standard input", set: (call) => call.stdinNull = true },
  f: {
    text: "go to the background once the forwards are up",
    set: (call) => call.background = call.stdinNull = true,
  },
  s: { text: "the command is the name of a subsystem", set: (call) => call.subsystem = true },
  X: { text: "show windows of remote programs here (X11)", set: (call) => call.x11 = true },
  Y: { set: (call) => call.x11 = true },
  x: { text: "no X11", set: (call) => call.x11 = false },
  e: {
    value: "char",
    text: "escape character, or none",
    set: (call, value) => applyOption(call, `EscapeChar=${value}`),
  },
  E: { value: "file", text: "write messages into this file", set: (call, value) => call.logFile = value },
  o: {
    value: "Key=Value",
    text: "an option of ssh_config(5)",
    set: (call, value) => applyOption(call, value),
  },
  q: { text: "quiet: no warnings", set: (call) => call.quiet = true },
  v: { text: "say what happens", set: (call) => call.verbose++ },
  V: { text: "show the version", set: (call) => call.version = true },
  d: { text: "verbose errors", set: (call) => call.debug = true },
  h: { text: "show this help", set: (call) => call.help = true },
  "4": NOTHING,
  "6": NOTHING,
  C: NOTHING,
  g: NOTHING,
  k: NOTHING,
  K: NOTHING,
  M: NOTHING,
  y: NOTHING,
  b: NOTHING_WITH_VALUE,
  B: NOTHING_WITH_VALUE,
  c: NOTHING_WITH_VALUE,
  F: NOTHING_WITH_VALUE,
  I: NOTHING_WITH_VALUE,
  J: NOTHING_WITH_VALUE,
  m: NOTHING_WITH_VALUE,
  S: NOTHING_WITH_VALUE,
};

const UNSUPPORTED: Readonly<Record<string, string>> = {
  O: "-O controls a master connection, which tsh does not keep; ssh does, with tsh config",
  G: "-G is not known; tsh config shows the configuration",
  Q: "-Q is not known; ssh -Q lists algorithms",
  w: "-w: tunnel devices are not served",
  P: "-P is not known; -p names the port",
};

/** The flags of `tsh ssh`. */
export const SSH_FLAGS: FlagTable<SshCall> = {
  program: "tsh ssh",
  letters: LETTERS,
  unsupported: UNSUPPORTED,
  long: {
    local: { text: "run the command on this machine while connected", set: (call) => call.local = true },
    parallel: {
      value: "number",
      text: "nodes at once, where the target is labels (16)",
      set: (call, value) => call.parallel = count(value),
    },
    ...TSH_OPTIONS,
    port: "p",
    tty: "t",
    "forward-agent": "A",
    login: "l",
    identity: "i",
    debug: "d",
    help: "h",
  },
};

function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 256) {
    throw new AppError("bad_input", `--parallel is a number from 1 to 256, not "${value}"`);
  }
  return number;
}

/**
 * Reads a command line. As with OpenSSH, flags may stand before and after the target, not in the command.
 * @param common what tsh was told before its command's name
 * @throws {AppError} bad_input
 */
export function parseCall(args: readonly string[], common: Partial<SshCall> = {}, asSsh = false): SshCall {
  const call = { ...newCall(asSsh), ...common };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") {
      call.target ??= rest.shift();
      break;
    }
    if (/^-./.test(arg)) takeFlag(SSH_FLAGS, call, arg, rest);
    else if (call.target === undefined) call.target = arg;
    else {
      rest.unshift(arg);
      break;
    }
  }
  if (rest[0] === "--") rest.shift();
  if (rest.length > 0) call.words = rest;
  return call;
}
