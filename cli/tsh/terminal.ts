/**
 * The local terminal during a remote session: raw mode, resizing, both directions of data.
 * @module
 */
import type { Readable } from "node:stream";
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

/**
 * Connects standard input, output and error to a session until it ends.
 * @param pty whether the remote side has a terminal: then the local one passes every key on
 */
export async function attachTerminal(session: ClientSession, pty: boolean): Promise<ExitStatus> {
  const raw = pty && Deno.stdin.isTerminal();
  const onResize = () => session.resize(windowSize());
  if (raw) {
    Deno.stdin.setRaw(true);
    Deno.addSignalListener("SIGWINCH", onResize);
  }
  try {
    const output = Promise.all([copy(session.stream, Deno.stdout), copy(session.stderr, Deno.stderr)]);
    void feed(session);
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

async function copy(from: Readable, to: typeof Deno.stdout): Promise<void> {
  for await (const chunk of from) await writeAll(to, chunk);
}

/** Standard input to the session; its end is passed on. */
async function feed(session: ClientSession): Promise<void> {
  const { stream } = session;
  for await (const chunk of Deno.stdin.readable) {
    if (!stream.writable) return;
    if (!stream.write(chunk)) await new Promise<void>((resolve) => stream.once("drain", resolve));
  }
  stream.end();
}
