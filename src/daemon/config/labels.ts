/**
 * Labels of a node: fixed texts, and commands whose output is the value. Reads the command line's form
 * `key=value,key="quoted, value",uptime=[1m:"uptime -p"],arch=[1h:/bin/uname -m]`.
 * @module
 */
import { SECOND } from "../../base/duration.ts";
import { AppError, messageOf } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { parsePeriod } from "./values.ts";

/** A label whose value is the output of a command. */
export interface CommandLabel {
  name: string;
  /** The program and its arguments; at least one item. No shell reads it. */
  command: string[];
  /** Milliseconds from one run to the next; at least a second. */
  periodMs: number;
}

/** All labels of a node; a name stands in one of the two only. */
export interface Labels {
  fixed: Record<string, string>;
  commands: CommandLabel[];
}

/** Commands do not run more often than this. */
export const SHORTEST_PERIOD = SECOND;

const KEY = /^[a-zA-Z/.0-9_*:-]{1,128}$/;
/** A quoted text, or the text up to a comma; for commands, a bracket with quoted texts inside. */
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const PLAIN = /[^,"]*/y;
const BRACKET = /\[((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\]/y;
const SEPARATOR = /\s*(?:,|$)\s*/y;

/**
 * Checks a label's name.
 * @throws {AppError} bad_input when it holds anything but letters, digits and `/._*:-`.
 */
export function parseLabelKey(text: string): string {
  if (KEY.test(text)) return text;
  throw new AppError(
    "bad_input",
    `${quote(text)} is not a label name: use letters, digits and any of / . _ * : -`,
  );
}

/**
 * Checks a fixed label's value: any text without control characters, also an empty one.
 * @throws {AppError} bad_input
 */
export function parseLabelValue(text: unknown): string {
  if (typeof text === "string" && text.length <= 1024 && !/\p{Cc}/u.test(text)) return text;
  throw new AppError("bad_input", "a label's value is one text of at most 1024 characters on one line");
}

/**
 * Reads the labels of a command line.
 * @throws {AppError} bad_input that quotes the piece at fault.
 */
export function parseLabels(spec: string): Labels {
  const labels: Labels = { fixed: {}, commands: [] };
  const seen = new Set<string>();
  for (let at = 0; at < spec.length;) {
    const equals = spec.indexOf("=", at);
    if (equals < 0) throw refuse(spec.slice(at), "write it as key=value or key=[period:command]");
    const name = parseLabelKey(spec.slice(at, equals).trim());
    if (seen.has(name)) throw refuse(name, "the name is given twice");
    seen.add(name);
    const start = equals + 1;
    const bracket = match(BRACKET, spec, start);
    if (bracket) {
      labels.commands.push({
        name,
        ...parseCommand(bracket[1] ?? "", spec.slice(at, start + bracket[0].length)),
      });
    } else if (spec[start] === "[") {
      throw refuse(spec.slice(at), "the bracket is not closed");
    }
    const value = bracket ?? match(QUOTED, spec, start) ?? match(PLAIN, spec, start);
    if (!bracket) set(labels.fixed, name, parseLabelValue(textOf(value)));
    const end = start + (value?.[0].length ?? 0);
    const separator = match(SEPARATOR, spec, end);
    if (!separator) throw refuse(spec.slice(at), "a quote is not closed, or text follows the value");
    at = end + separator[0].length;
  }
  return labels;
}

/** `1m:uptime -p` or `1m:"uptime -p"`: the period, then the command line. */
function parseCommand(text: string, piece: string): Omit<CommandLabel, "name"> {
  const colon = text.indexOf(":");
  if (colon < 0) throw refuse(piece, "a command label is written key=[period:command], as in up=[1m:uptime]");
  let periodMs: number;
  try {
    periodMs = parsePeriod(text.slice(0, colon).trim());
  } catch (error) {
    throw refuse(piece, messageOf(error));
  }
  const line = text.slice(colon + 1).trim();
  // A command line quoted as a whole means its words, not one program whose name holds blanks.
  const whole = /^"((?:[^"\\]|\\.)*)"$/.exec(line);
  const command = splitWords(whole ? unescape(whole[1] ?? "") : line);
  if (command === undefined) throw refuse(piece, "a quote is not closed");
  if (command.length === 0 || command[0] === "") throw refuse(piece, "the command is missing");
  return { command, periodMs };
}

/** Words of a command line, split on blanks outside double quotes; undefined when a quote is not closed. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  const word = /\s*((?:[^\s"]|"(?:[^"\\]|\\.)*")+)/y;
  while (word.lastIndex < line.trimEnd().length) {
    const found = word.exec(line);
    if (!found) return undefined;
    words.push((found[1] ?? "").replace(/"((?:[^"\\]|\\.)*)"/g, (_, inner: string) => unescape(inner)));
  }
  return words;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function textOf(value: RegExpExecArray | null): string {
  return value?.[1] === undefined ? (value?.[0] ?? "").trim() : unescape(value[1]);
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, "$1");
}

/** Sets an own property also for names such as `__proto__`. */
function set(record: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}

function refuse(piece: string, reason: string): AppError {
  return new AppError("bad_input", `bad label ${quote(piece)}: ${reason}`);
}
