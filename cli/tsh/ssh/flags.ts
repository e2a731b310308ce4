/**
 * The command line of `tsh ssh`: OpenSSH's flags, so that other programs can call it as `ssh`, and tsh's own.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";
import { newCall, type SshCall } from "./call.ts";
import { applyOption, port } from "./client_options.ts";
import { parseForward, parseHostPort } from "./forward_spec.ts";

interface Flag {
  /** Name of its value, if it takes one. */
  value?: string;
  /** For the help; without it the flag is taken and does nothing. */
  text?: string;
  set?(call: SshCall, value: string): void;
}

const NOTHING: Flag = {};
const NOTHING_WITH_VALUE: Flag = { value: "value" };

/** In the order of the help. */
const LETTERS: Readonly<Record<string, Flag>> = {
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

/** Flags that cannot be done without, and what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  O: "-O controls a master connection, which tsh does not keep; ssh does, with tsh config",
  G: "-G is not known; tsh config shows the configuration",
  Q: "-Q is not known; ssh -Q lists algorithms",
  w: "-w: tunnel devices are not served",
  P: "-P is not known; -p names the port",
};

const LONG: Readonly<Record<string, Flag & { short?: string }>> = {
  local: { text: "run the command on this machine while connected", set: (call) => call.local = true },
  parallel: {
    value: "number",
    text: "nodes at once, where the target is labels (16)",
    set: (call, value) => call.parallel = count(value),
  },
  port: { value: "port", short: "p" },
  tty: { short: "t" },
  "forward-agent": { short: "A" },
  login: { value: "login", short: "l" },
  identity: { value: "file", short: "i" },
  debug: { short: "d" },
  help: { short: "h" },
  proxy: {
    value: "address",
    text: "proxy: host, host:webport or host:webport,sshport",
    set: (c, v) => c.proxy = v,
  },
  user: { value: "name", text: "Teleport user", set: (call, value) => call.user = value },
  cluster: { value: "name", text: "cluster to use", set: (call, value) => call.cluster = value },
  ttl: {
    value: "minutes",
    text: "lifetime of a new certificate, in minutes or as 8h",
    set: (c, v) => c.ttl = v,
  },
  insecure: { text: "do not verify the proxy's HTTPS certificate", set: (call) => call.insecure = true },
  "skip-version-check": {
    text: "work with a server that asks for a newer client",
    set: (call) => call.skipVersionCheck = true,
  },
  auth: { value: "connector", set: () => {} },
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
    if (/^--./.test(arg)) takeLong(call, arg.slice(2), rest);
    else if (/^-./.test(arg)) takeLetters(call, arg.slice(1), rest);
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

function takeLetters(call: SshCall, letters: string, rest: string[]): void {
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i] ?? "";
    const flag = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
    if (!flag) throw new AppError("bad_input", UNSUPPORTED[letter] ?? `-${letter} is not a flag of ssh`);
    if (flag.value === undefined) {
      apply(call, `-${letter}`, flag, "");
      continue;
    }
    const value = letters.slice(i + 1) || rest.shift();
    if (value === undefined) throw new AppError("bad_input", `-${letter} needs a value: ${flag.value}`);
    return apply(call, `-${letter}`, flag, value);
  }
}

function takeLong(call: SshCall, text: string, rest: string[]): void {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  const long = Object.hasOwn(LONG, name) ? LONG[name] : undefined;
  if (!long) throw new AppError("bad_input", `--${name} is not an option; tsh ssh --help lists them`);
  const flag = long.short === undefined ? long : LETTERS[long.short] ?? long;
  if (flag.value === undefined) {
    if (equals >= 0) throw new AppError("bad_input", `--${name} takes no value`);
    return apply(call, `--${name}`, flag, "");
  }
  const value = equals < 0 ? rest.shift() : text.slice(equals + 1);
  if (value === undefined) throw new AppError("bad_input", `--${name} needs a value: ${flag.value}`);
  apply(call, `--${name}`, flag, value);
}

function apply(call: SshCall, name: string, { set }: Flag, value: string): void {
  if (set) set(call, value);
  else call.notes.push(`${name} has no effect here`);
}

/** The list of flags for the help. */
export function flagHelp(): string {
  const lines: [string, string][] = [];
  for (const [letter, { value, text }] of Object.entries(LETTERS)) {
    const name = Object.entries(LONG).find(([, { short }]) => short === letter)?.[0];
    const names = name ? `-${letter}, --${name}` : `-${letter}`;
    if (text !== undefined) lines.push([value === undefined ? names : `${names} <${value}>`, text]);
  }
  for (const [name, { value, text }] of Object.entries(LONG)) {
    if (text !== undefined) {
      lines.push([value === undefined ? `    --${name}` : `    --${name} <${value}>`, text]);
    }
  }
  const width = Math.max(...lines.map(([names]) => names.length));
  const idle = Object.entries(LETTERS).filter(([, flag]) => !flag.set).map(([letter]) => `-${letter}`);
  return `${lines.map(([names, text]) => `  ${names.padEnd(width)}  ${text}`).join("\n")}\n` +
    `  ${idle.join(" ")}: taken for the sake of other programs, without an effect\n`;
}
