/**
 * The command line of `tsh scp`: scp(1)'s flags, and tsh's own.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";
import type { TshOptions } from "../options.ts";
import { newCall, type SshCall } from "../ssh/call.ts";
import { applyOption, port } from "../ssh/client_options.ts";
import { isRemote, type Location, parseLocation } from "./location.ts";

export interface ScpCall extends TshOptions {
  sources: Location[];
  target: Location | undefined;
  recursive: boolean;
  preserve: boolean;
  quiet: boolean;
  verbose: number;
  /** The old protocol in place of sftp. */
  legacy: boolean;
  /** Takes whatever names come, with the old protocol. */
  trustNames: boolean;
  port: number;
  /** Bytes a second; undefined: no limit. */
  limit?: number;
  /** What `-o` said. */
  ssh: SshCall;
  asScp: boolean;
  help: boolean;
  notes: string[];
}

interface Flag {
  value?: string;
  text?: string;
  set?(call: ScpCall, value: string): void;
}

const LETTERS: Readonly<Record<string, Flag>> = {
  r: { text: "folders with everything in them", set: (call) => call.recursive = true },
  p: { text: "keep times and modes", set: (call) => call.preserve = true },
  q: { text: "no progress and no warnings", set: (call) => call.quiet = true },
  v: { text: "say what happens", set: (call) => call.verbose++ },
  P: { value: "port", text: "SSH port of the node", set: (call, value) => call.port = port("-P", value) },
  i: {
    value: "file",
    text: "identity file, in place of a login",
    set: (call, value) => call.identity ??= value,
  },
  l: {
    value: "limit",
    text: "at most so many kilobits a second",
    set: (call, value) => call.limit = kilobits(value),
  },
  O: { text: "the old scp protocol in place of sftp", set: (call) => call.legacy = true },
  T: { text: "with -O: take names that were not asked for", set: (call) => call.trustNames = true },
  o: {
    value: "Key=Value",
    text: "an option of ssh_config(5)",
    set: (call, value) => applyOption(call.ssh, value),
  },
  d: { text: "verbose errors", set: (call) => call.debug = true },
  h: { text: "show this help", set: (call) => call.help = true },
  "3": {},
  "4": {},
  "6": {},
  A: {},
  B: {},
  C: {},
  R: {},
  s: {},
  c: { value: "cipher" },
  D: { value: "path" },
  F: { value: "file" },
  J: { value: "host" },
  S: { value: "program" },
  X: { value: "option" },
};

const LONG: Readonly<Record<string, Flag>> = {
  port: LETTERS["P"] ?? {},
  recursive: LETTERS["r"] ?? {},
  quiet: LETTERS["q"] ?? {},
  identity: LETTERS["i"] ?? {},
  help: LETTERS["h"] ?? {},
  debug: LETTERS["d"] ?? {},
  login: { value: "login", set: (call, value) => call.login = value },
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

function kilobits(value: string): number {
  const number = Number(value);
  if (!/^\d{1,9}$/.test(value) || number < 1) throw new AppError("bad_input", `-l: "${value}" is no limit`);
  return number * 1024 / 8;
}

/** Reads a command line; flags may stand anywhere before `--`. @throws {AppError} bad_input */
export function parseScpCall(args: readonly string[], common: TshOptions = {}, asScp = false): ScpCall {
  const call: ScpCall = {
    ...common,
    sources: [],
    target: undefined,
    recursive: false,
    preserve: false,
    quiet: false,
    verbose: 0,
    legacy: false,
    trustNames: false,
    port: 0,
    ssh: newCall(asScp),
    asScp,
    help: false,
    notes: [],
  };
  const rest = [...args];
  const names: string[] = [];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") names.push(...rest.splice(0));
    else if (arg.startsWith("--")) takeLong(call, arg.slice(2), rest);
    else if (/^-./.test(arg)) takeLetters(call, arg.slice(1), rest);
    else names.push(arg);
  }
  const places = names.map(parseLocation);
  call.target = places.pop();
  call.sources = places;
  if (call.help) return call;
  if (!call.target || places.length === 0) {
    throw new AppError("bad_input", "name what to copy, and where to: tsh scp FILE... [user@]host:path");
  }
  if (!isRemote(call.target) && !places.some(isRemote)) {
    throw new AppError("bad_input", "none of the names is on a node; write [user@]host:path for one that is");
  }
  return call;
}

function takeLetters(call: ScpCall, letters: string, rest: string[]): void {
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i] ?? "";
    const flag = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
    if (!flag) throw new AppError("bad_input", `-${letter} is not a flag of scp`);
    if (flag.value === undefined) {
      apply(call, `-${letter}`, flag, "");
      continue;
    }
    const value = letters.slice(i + 1) || rest.shift();
    if (value === undefined) throw new AppError("bad_input", `-${letter} needs a value: ${flag.value}`);
    return apply(call, `-${letter}`, flag, value);
  }
}

function takeLong(call: ScpCall, text: string, rest: string[]): void {
  const [, name = "", given] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const flag = Object.hasOwn(LONG, name) ? LONG[name] : undefined;
  if (!flag) throw new AppError("bad_input", `--${name} is not an option; tsh scp --help lists them`);
  if (flag.value === undefined && given !== undefined) {
    throw new AppError("bad_input", `--${name} takes no value`);
  }
  const value = flag.value === undefined ? "" : given ?? rest.shift();
  if (value === undefined) throw new AppError("bad_input", `--${name} needs a value: ${flag.value}`);
  apply(call, `--${name}`, flag, value);
}

function apply(call: ScpCall, name: string, { set }: Flag, value: string): void {
  if (set) set(call, value);
  else call.notes.push(`${name} has no effect here`);
}

/** The list of flags for the help. */
export function scpFlagHelp(): string {
  const show = (name: string, { value, text }: Flag): [string, string][] =>
    text === undefined ? [] : [[value === undefined ? name : `${name} <${value}>`, text]];
  const shared = new Set(Object.values(LETTERS));
  const lines = [
    ...Object.entries(LETTERS).flatMap(([letter, flag]) => show(`-${letter}`, flag)),
    ...Object.entries(LONG).flatMap(([name, flag]) => shared.has(flag) ? [] : show(`--${name}`, flag)),
  ];
  const width = Math.max(...lines.map(([names]) => names.length));
  return lines.map(([names, text]) => `  ${names.padEnd(width)}  ${text}\n`).join("");
}
