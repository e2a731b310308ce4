/**
 * The lines of the scp protocol, which is the one of rcp: control records of the source, and the messages both sides
 * answer with. There is no specification but OpenSSH's scp.c.
 *
 * | line | means |
 * |---|---|
 * | `C0644 123 name` | a file of 123 bytes follows |
 * | `D0755 0 name` | a directory begins |
 * | `E` | the directory ends |
 * | `T1700000000 0 1700000000 0` | last change and last access of what comes next |
 * | `\x01text`, `\x02text` | an error; after the second kind the sender is gone |
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { isPlainName } from "../transfer/file_name.ts";

/** The longest line that is read, as in OpenSSH. */
export const MAX_LINE = 16 * 1024;
/** Said for each line and each file that went well. */
export const GOOD = 0;
export const WARNING = 1, FATAL = 2;

export interface ScpTimes {
  /** Seconds since the epoch. */
  modified: number;
  accessed: number;
}

export type ScpLine =
  | { type: "file"; mode: number; size: number; name: Uint8Array }
  | { type: "directory"; mode: number; name: Uint8Array }
  | { type: "end" }
  | { type: "times"; times: ScpTimes }
  | { type: "error"; fatal: boolean; message: Uint8Array };

const MAX_MICROSECONDS = 999_999;
/** The last second that a Date can tell. */
const LAST_TIME = 8_640_000_000_000;
const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/**
 * Reads one line, without its newline. Throws AppError `bad_input` with OpenSSH's words for what is wrong.
 */
export function parseScpLine(line: Uint8Array): ScpLine {
  const kind = line[0];
  if (kind === WARNING || kind === FATAL) {
    return { type: "error", fatal: kind === FATAL, message: line.subarray(1) };
  }
  // One character a byte, so that positions in the text are positions in the line.
  const text = decoder.decode(line);
  switch (text[0]) {
    case "E":
      return { type: "end" };
    case "T":
      return { type: "times", times: parseTimes(text) };
    case "C":
    case "D":
      return parseRecord(text, line);
  }
  throw broken(line.length === 0 ? "unexpected <newline>" : "expected control record");
}

function parseTimes(text: string): ScpTimes {
  const match = /^T(\d{1,20}) (\d{1,6}) (\d{1,20}) (\d{1,6})$/.exec(text);
  const [modified, fraction, accessed, otherFraction] = (match ?? []).slice(1).map(Number);
  if (
    modified === undefined || accessed === undefined || (fraction ?? 0) > MAX_MICROSECONDS ||
    (otherFraction ?? 0) > MAX_MICROSECONDS
  ) throw broken("times not delimited");
  if (modified > LAST_TIME || accessed > LAST_TIME) throw broken("times out of range");
  return { modified, accessed };
}

function parseRecord(text: string, line: Uint8Array): ScpLine {
  const mode = /^.([0-7]{4}) /.exec(text)?.[1];
  if (mode === undefined) throw broken("bad mode");
  const digits = /^(\d{1,19}) /.exec(text.slice(6))?.[1];
  if (digits === undefined) throw broken("size not delimited");
  const size = Number(digits);
  if (!Number.isSafeInteger(size)) throw broken("size out of range");
  const name = line.subarray(6 + digits.length + 1);
  if (!isPlainName(name)) throw new AppError("bad_input", "error: unexpected filename");
  const bits = parseInt(mode, 8);
  return text[0] === "C" ? { type: "file", mode: bits, size, name } : { type: "directory", mode: bits, name };
}

function broken(what: string): AppError {
  return new AppError("bad_input", `protocol error: ${what}`);
}

/** The line that announces a file or directory, newline included. A newline in the name is written as OpenSSH does. */
export function formatRecord(
  type: "file" | "directory",
  mode: number,
  size: number,
  name: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  return joined(
    encoder.encode(`${type === "file" ? "C" : "D"}${octal} ${size} `),
    withoutNewlines(name),
    NEWLINE,
  );
}

export function formatTimes({ modified, accessed }: ScpTimes): Uint8Array<ArrayBuffer> {
  return encoder.encode(`T${Math.max(0, Math.floor(modified))} 0 ${Math.max(0, Math.floor(accessed))} 0\n`);
}

/** A message as programs of OpenSSH send it. */
export function formatError(message: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const bytes = typeof message === "string" ? encoder.encode(message) : message;
  return joined(encoder.encode("\x01scp: "), withoutNewlines(bytes), NEWLINE);
}

export const END_LINE = encoder.encode("E\n");
const NEWLINE = encoder.encode("\n");
const NEWLINE_SHOWN = encoder.encode("\\^J");

function withoutNewlines(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(10)) return bytes;
  return joined(...Array.from(bytes, (byte) => byte === 10 ? NEWLINE_SHOWN : Uint8Array.of(byte)));
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
