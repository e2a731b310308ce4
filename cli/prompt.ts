/**
 * Questions to the person at the terminal. Answers that are secrets are not shown and never held as plain text longer
 * than needed.
 * @module
 */
import { AppError } from "../src/base/errors.ts";
import { Secret } from "../src/base/secret.ts";
import { printError } from "./program.ts";

/** Asks for a secret without echo; reads the terminal even when standard input is redirected. */
export function askSecret(question: string): Secret<string> {
  printError(question);
  const terminal = openTerminal();
  try {
    if (terminal.isTerminal) terminal.file.setRaw(true, { cbreak: false });
    return new Secret(readLine(terminal.file, terminal.isTerminal));
  } finally {
    if (terminal.isTerminal) terminal.file.setRaw(false);
    printError("\n");
    terminal.close();
  }
}

interface Terminal {
  file: {
    readSync(data: Uint8Array): number | null;
    setRaw(on: boolean, options?: { cbreak: boolean }): void;
  };
  isTerminal: boolean;
  close(): void;
}

function openTerminal(): Terminal {
  if (Deno.stdin.isTerminal()) return { file: Deno.stdin, isTerminal: true, close: () => {} };
  try {
    const file = Deno.openSync("/dev/tty", { read: true, write: true });
    return { file, isTerminal: true, close: () => file.close() };
  } catch (error) {
    // No terminal at all, as in scripts: the answer comes from standard input.
    if (error instanceof Error) return { file: Deno.stdin, isTerminal: false, close: () => {} };
    throw error;
  }
}

const INTERRUPT = 3;
const END = 4;
const BACKSPACE = [8, 127];
const LINE_END = [10, 13];
const MAX_LENGTH = 1024;

/** One line, byte by byte, so that nothing of the next answer is swallowed. */
function readLine(file: Terminal["file"], raw: boolean): string {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  for (;;) {
    const count = file.readSync(one);
    const [byte = 0] = one;
    if (count === null || raw && byte === END && bytes.length === 0) {
      if (bytes.length === 0) throw new AppError("bad_input", "nothing was entered");
      break;
    }
    if (LINE_END.includes(byte)) break;
    if (raw && byte === INTERRUPT) throw new AppError("closed", "interrupted");
    if (raw && BACKSPACE.includes(byte)) bytes.pop();
    else if (bytes.length < MAX_LENGTH) bytes.push(byte);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
