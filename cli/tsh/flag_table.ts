/**
 * Command lines in OpenSSH's manner, read by a table: letters that may stand together and carry their value, and long
 * options beside them.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { CERT_FORMATS, type CertFormat } from "../../src/model/role.ts";
import type { TshOptions } from "./options.ts";

export interface Flag<Call> {
  /** Name of its value, if it takes one. */
  value?: string;
  /** For the help; without it the flag is not shown. */
  text?: string;
  /** Without it the flag is taken and does nothing, for the sake of programs that give it. */
  set?(call: Call, value: string): void;
}

export interface FlagTable<Call> {
  /** As in `tsh ssh`. */
  program: string;
  /** In the order of the help. */
  letters: Readonly<Record<string, Flag<Call>>>;
  /** A text names the letter that means the same. */
  long: Readonly<Record<string, Flag<Call> | string>>;
  /** Letters that cannot be done without, and what to do instead. */
  unsupported?: Readonly<Record<string, string>>;
}

/** The long options that every command of tsh takes. */
export const TSH_OPTIONS: Readonly<Record<string, Flag<TshOptions>>> = {
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
  auth: {
    value: "connector",
    text: "log in through this connector, or with a password: local",
    set: (call, value) => call.auth = value,
  },
  browser: {
    value: "program",
    text: "what opens the login page; none prints its address only",
    set: (call, value) => call.browser = value,
  },
  "cert-format": {
    value: "format",
    text: "oldssh: a certificate that OpenSSH 7.1 and older can read",
    set: (call, value) => call.certFormat = certFormatOf(value),
  },
  compat: { value: "version", set: () => {} },
  namespace: { value: "name", set: () => {} },
  nocache: { set: () => {} },
  gops: { set: () => {} },
};

/** @throws {AppError} bad_input */
function certFormatOf(value: string): CertFormat {
  const format = CERT_FORMATS.find((one) => one === value);
  if (format) return format;
  throw new AppError("bad_input", `--cert-format is ${CERT_FORMATS.join(" or ")}, not "${value}"`);
}

/**
 * Applies one argument that starts with a dash.
 * @param rest the arguments after it; a value is taken from there
 * @throws {AppError} bad_input
 */
export function takeFlag<Call extends { notes: string[] }>(
  table: FlagTable<Call>,
  call: Call,
  arg: string,
  rest: string[],
): void {
  if (arg.startsWith("--")) takeLong(table, call, arg.slice(2), rest);
  else takeLetters(table, call, arg.slice(1), rest);
}

function takeLetters<Call extends { notes: string[] }>(
  { program, letters, unsupported = {} }: FlagTable<Call>,
  call: Call,
  given: string,
  rest: string[],
): void {
  for (let i = 0; i < given.length; i++) {
    const letter = given[i] ?? "";
    const flag = Object.hasOwn(letters, letter) ? letters[letter] : undefined;
    if (!flag) {
      throw new AppError(
        "bad_input",
        unsupported[letter] ?? `-${letter} is not a flag of ${program.split(" ").at(-1)}`,
      );
    }
    if (flag.value === undefined) {
      apply(call, `-${letter}`, flag, "");
      continue;
    }
    const value = given.slice(i + 1) || rest.shift();
    if (value === undefined) throw new AppError("bad_input", `-${letter} needs a value: ${flag.value}`);
    return apply(call, `-${letter}`, flag, value);
  }
}

function takeLong<Call extends { notes: string[] }>(
  { program, letters, long }: FlagTable<Call>,
  call: Call,
  text: string,
  rest: string[],
): void {
  const [, name = "", given] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const entry = Object.hasOwn(long, name) ? long[name] : undefined;
  const flag = typeof entry === "string" ? letters[entry] : entry;
  if (!flag) throw new AppError("bad_input", `--${name} is not an option; ${program} --help lists them`);
  if (flag.value === undefined) {
    if (given !== undefined) throw new AppError("bad_input", `--${name} takes no value`);
    return apply(call, `--${name}`, flag, "");
  }
  const value = given ?? rest.shift();
  if (value === undefined) throw new AppError("bad_input", `--${name} needs a value: ${flag.value}`);
  apply(call, `--${name}`, flag, value);
}

function apply<Call extends { notes: string[] }>(
  call: Call,
  name: string,
  flag: Flag<Call>,
  value: string,
): void {
  if (flag.set) flag.set(call, value);
  else call.notes.push(`${name} has no effect here`);
}

/** The list of flags for the help. */
export function flagHelp<Call>({ letters, long }: FlagTable<Call>): string {
  const lines: [string, string][] = [];
  const add = (names: string, { value, text }: Flag<Call>) => {
    if (text !== undefined) lines.push([value === undefined ? names : `${names} <${value}>`, text]);
  };
  for (const [letter, flag] of Object.entries(letters)) {
    const name = Object.entries(long).find(([, entry]) => entry === letter)?.[0];
    add(name ? `-${letter}, --${name}` : `-${letter}`, flag);
  }
  for (const [name, entry] of Object.entries(long)) {
    if (typeof entry !== "string") add(`    --${name}`, entry);
  }
  const width = Math.max(...lines.map(([names]) => names.length));
  const idle = Object.entries(letters).filter(([, { set }]) => !set).map(([letter]) => `-${letter}`);
  return lines.map(([names, text]) => `  ${names.padEnd(width)}  ${text}\n`).join("") +
    `  ${idle.join(" ")}: taken for the sake of other programs, without an effect\n`;
}
