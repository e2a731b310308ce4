/**
 * Recordings as asciinema's files, version 2: a header line, then a line for each piece of output or new size
 * (https://docs.asciinema.org/manual/asciicast/v2/).
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { RecordingFrame, TerminalSize } from "./reader.ts";

const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 25 };
const MAX_CELLS = 4096;
/** A line of a file that is played; more is no recording. */
const MAX_LINE = 16 * 1024 * 1024;

/** Writes a recording, line by line. @param title shown by players */
export async function* toAsciicast(
  frames: AsyncIterable<RecordingFrame>,
  title: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder(); // a character may be cut between two pieces
  let begun = false;
  const header = ({ columns, rows }: TerminalSize) => {
    begun = true;
    return line({ version: 2, width: columns, height: rows, title });
  };
  let last = 0;
  for await (const frame of frames) {
    const seconds = frame.ms / 1000;
    last = seconds;
    if ("resize" in frame) {
      const { columns, rows } = frame.resize;
      yield begun ? line([seconds, "r", `${columns}x${rows}`]) : header(frame.resize);
      continue;
    }
    if (!begun) yield header(DEFAULT_SIZE);
    const text = decoder.decode(frame.data, { stream: true });
    if (text !== "") yield line([seconds, "o", text]);
  }
  if (!begun) yield header(DEFAULT_SIZE);
  const rest = decoder.decode();
  if (rest !== "") yield line([last, "o", rest]);
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/**
 * Reads such a file. @param text its pieces
 * @throws {AppError} bad_input that names the line
 */
export async function* readAsciicast(text: AsyncIterable<string>): AsyncGenerator<RecordingFrame> {
  const encoder = new TextEncoder();
  let number = 0;
  let ms = 0;
  for await (const line of linesOf(text)) {
    number++;
    const bad = (problem: string) => new AppError("bad_input", `line ${number} of the file: ${problem}`);
    const value = parsed(line);
    if (number === 1) {
      const { version, width, height } = (value ?? {}) as Record<string, unknown>;
      if (version !== 2) throw bad("this is no asciicast of version 2");
      const resize = sizeOf(Number(width), Number(height));
      if (!resize) throw bad("the terminal has no size");
      yield { ms, resize };
      continue;
    }
    if (line === "") continue;
    if (!Array.isArray(value)) throw bad("an event is a list");
    const [seconds, kind, data] = value as unknown[];
    if (typeof seconds !== "number" || !(seconds >= 0) || typeof data !== "string") {
      throw bad("an event has a time, a kind and a text");
    }
    ms = Math.max(ms, Math.round(seconds * 1000));
    if (kind === "o") yield { ms, data: encoder.encode(data) };
    const [, columns, rows] = kind === "r" ? /^(\d{1,4})x(\d{1,4})$/.exec(data) ?? [] : [];
    const resize = sizeOf(Number(columns), Number(rows));
    if (resize) yield { ms, resize };
  }
  if (number === 0) throw new AppError("bad_input", "the file is empty");
}

function sizeOf(columns: number, rows: number): TerminalSize | undefined {
  const good = (count: number) => Number.isInteger(count) && count > 0 && count <= MAX_CELLS;
  return good(columns) && good(rows) ? { columns, rows } : undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of text) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw new AppError("bad_input", "the file has a line that is too long");
    yield* lines;
  }
  if (rest !== "") yield rest;
}
