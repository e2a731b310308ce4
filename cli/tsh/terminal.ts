/**
 * The local terminal during a remote session: raw mode, resizing, both directions of data.
 * @module
 */
import type { Readable, Writable } from "node:stream";
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
    const output = Promise.all([copyOut(session.stream, Deno.stdout), copyOut(session.stderr, Deno.stderr)]);
    if (attachment.stdinNull) session.stream.end();
    else void feedInput(session.stream, raw ? attachment.typed : undefined);
    const status = await session.exit;
    await output;
    return status;
  } finally {
    if (raw) {
      Deno.removeSignalListener("SIGWINCH", onResize);
      Deno.stdin.setRaw(false);
    }
  }
}

/** Everything that comes, until its end. When nobody reads any more, the rest is dropped. */
export async function copyOut(from: Readable, to: typeof Deno.stdout): Promise<void> {
  try {
    for await (const chunk of from) await writeAll(to, chunk);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // `tsh ssh luna cat big | head`
    from.destroy();
  }
}

/** Standard input to a stream; its end is passed on. */
export async function feedInput(to: Writable, typed = (bytes: Uint8Array) => bytes): Promise<void> {
  for await (const chunk of Deno.stdin.readable) {
    if (!to.writable) return;
    if (!to.write(typed(chunk))) await new Promise<void>((resolve) => to.once("drain", resolve));
  }
  to.end();
}
