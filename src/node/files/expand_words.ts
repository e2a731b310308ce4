/**
 * Words as the user's own shell understands them: wildcards, `~`, variables and quotes, as with OpenSSH, where that shell
 * starts scp. It runs as the user, bounded in time and output.
 * @module
 */
import type { Readable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { type ExitStatus, launchPiped, type PipedChild } from "../os/launch.ts";
import { shellCommand } from "../os/shell.ts";
import type { OsUser } from "../os/user.ts";

const EXPAND_MS = 20_000;
/** More would not fit a command line either. */
const MAX_OUTPUT = 2 * 1024 * 1024;
const MAX_MESSAGES = 64 * 1024;
const decoder = new TextDecoder("latin1");

export type Expansion =
  /** Each character is one byte. */
  | { words: string[] }
  /** The shell would not: what it said, and how it ended. */
  | { output: Uint8Array; messages: Uint8Array; status: ExitStatus };

/**
 * @param onRunning told of the shell, so that it can be ended
 * @throws {AppError} limit or timeout
 */
export async function expandWords(
  { user, env, text }: { user: OsUser; env: Record<string, string>; text: string },
  clock: Clock,
  onRunning: (shell: PipedChild) => void,
): Promise<Expansion> {
  // What start files of the shell print comes before the mark.
  const mark = crypto.randomUUID();
  const shell = launchPiped({ user, env, ...shellCommand(user, `printf '%s\\0' ${mark} ${text}`) });
  onRunning(shell);
  shell.stdin.end();
  let late = false;
  const timer = clock.after(EXPAND_MS, () => {
    late = true;
    shell.killSession();
  });
  try {
    const [output, messages, status] = await Promise.all([
      collect(shell.stdout, MAX_OUTPUT, () => shell.killSession()),
      collect(shell.stderr, MAX_MESSAGES, () => shell.killSession()),
      shell.exit,
    ]);
    if (late) throw new AppError("timeout", "your shell took too long to expand the file names");
    if (output === undefined || messages === undefined) {
      throw new AppError("limit", "the file names are too many for one call: name their folder instead");
    }
    const words = wordsAfter(decoder.decode(output), mark);
    return words && status.code === 0 ? { words } : { output, messages, status };
  } finally {
    timer.cancel();
  }
}

function wordsAfter(output: string, mark: string): string[] | undefined {
  const start = output.indexOf(`${mark}\0`);
  if (start < 0) return undefined;
  return output.slice(start + mark.length + 1).split("\0").slice(0, -1);
}

/** All that a stream gives; undefined when it is too much. */
async function collect(
  stream: Readable,
  most: number,
  onTooMuch: () => void,
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    length += (piece as Uint8Array).length;
    if (length <= most) pieces.push(piece as Uint8Array);
    else onTooMuch();
  }
  if (length > most) return undefined;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
