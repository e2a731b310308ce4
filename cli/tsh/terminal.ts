/**
 * The local terminal during a remote session: raw mode, resizing, both directions of data.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { AppError, osMessage } from "../../src/base/errors.ts";
import { writeAll } from "../../src/base/files.ts";
import type { ClientSession, ExitStatus, PtyRequest, WindowSize } from "../../src/ssh/channel.ts";

const FALLBACK: WindowSize = { columns: 80, rows: 24, width: 0, height: 0 };

function windowSize(): WindowSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns, rows, width: 0, height: 0 };
  } catch {
    return FALLBACK; // no terminal: `tsh ssh -t` in a script
  }
}

/** The request for a remote terminal like the local one. */
export function terminalRequest(): PtyRequest {
  return { ...windowSize(), term: Deno.env.get("TERM") ?? "xterm", modes: new Map() };
}

export interface Attachment {
  /** The remote side has a terminal: then the local one passes every key on. */
  pty: boolean;
  /** Nothing is read from standard input. */
  stdinNull?: boolean;
  /** Sees what is typed before it is sent. */
  typed?(bytes: Uint8Array): Uint8Array;
}

/** Connects standard input, output and error to a session until it ends. */
export async function attachTerminal(session: ClientSession, attachment: Attachment): Promise<ExitStatus> {
  const raw = attachment.pty && !attachment.stdinNull && Deno.stdin.isTerminal();
  const onResize = () => session.resize(windowSize());
  if (raw) {
    Deno.stdin.setRaw(true);
    Deno.addSignalListener("SIGWINCH", onResize);
  }
  try {
    const output = Promise.all([
      copyOut(session.stream, Deno.stdout, () => session.endOutput()),
      copyOut(session.stderr, Deno.stderr, () => void session.stderr.resume()),
    ]);
    if (attachment.stdinNull) session.stream.end();
    else void feedInput(session.stream, raw ? attachment.typed : undefined);
    const [status] = await Promise.all([session.exit, output]);
    return status;
  } finally {
    if (raw) {
      Deno.removeSignalListener("SIGWINCH", onResize);
      Deno.stdin.setRaw(false);
    }
  }
}

/**
 * Everything that comes, until its end.
 * @param unwanted called when nobody reads any more, as in `tsh ssh luna cat big | head`: what still comes is to be dropped
 * @throws {AppError} unavailable when it cannot be written, as on a disk that is full
 */
export async function copyOut(
  from: Readable,
  to: typeof Deno.stdout,
  unwanted: () => void = () => void from.destroy(),
): Promise<void> {
  let broken = false;
  // Destroyed with data under way, the stream would never tell its end.
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    try {
      await writeAll(to, chunk);
    } catch (error) {
      broken = error instanceof Deno.errors.BrokenPipe;
      if (broken) break;
      throw new AppError("unavailable", `cannot write what the node sends: ${osMessage(error)}`, {
        cause: error,
      });
    }
  }
  if (broken) unwanted(); // the iterator has let go of the stream
}

/** Standard input to a stream; its end is passed on. */
export async function feedInput(to: Writable, typed = (bytes: Uint8Array) => bytes): Promise<void> {
  for await (const chunk of Deno.stdin.readable) {
    if (!to.writable) return;
    if (!to.write(typed(chunk))) await new Promise<void>((resolve) => to.once("drain", resolve));
  }
  to.end();
}
