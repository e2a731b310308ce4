/**
 * The command line of `tsh scp`: scp(1)'s flags, and tsh's own.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";
import { type Flag, type FlagTable, takeFlag, TSH_OPTIONS } from "../flag_table.ts";
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

const LETTERS: Readonly<Record<string, Flag<ScpCall>>> = {
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

/** The flags of `tsh scp`. */
export const SCP_FLAGS: FlagTable<ScpCall> = {
  program: "tsh scp",
  letters: LETTERS,
  long: {
    login: { value: "login", text: "OS user to log in as", set: (call, value) => call.login = value },
    ...TSH_OPTIONS,
    port: "P",
    recursive: "r",
    quiet: "q",
    identity: "i",
    help: "h",
    debug: "d",
  },
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
    else if (/^-./.test(arg)) takeFlag(SCP_FLAGS, call, arg, rest);
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
