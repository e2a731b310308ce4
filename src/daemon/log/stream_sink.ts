/**
 * The log on standard output or error, or in a file.
 * @module
 */
import { writeAll } from "../../base/files.ts";
import type { LogEntry } from "../../base/log_entry.ts";
import type { LogSink } from "./queue.ts";

const encoder = new TextEncoder();

/** Standard output or error: whoever reads it may be slow or gone, which {@link LogQueue} deals with. */
export function consoleSink(
  target: { write(data: Uint8Array): Promise<number> },
  form: (entry: LogEntry) => string,
): LogSink {
  return {
    render: (entry) => encoder.encode(form(entry)),
    write: (lines) => writeAll(target, joined(lines)),
    reopen: () => {},
    close: () => {},
  };
}

/** A file, made with mode 0640 and appended to. @throws Deno.errors when it cannot be opened */
export function fileSink(path: string, form: (entry: LogEntry) => string): LogSink {
  const open = () => Deno.openSync(path, { append: true, create: true, mode: 0o640 });
  let file = open();
  let closed = false;
  return {
    render: (entry) => encoder.encode(form(entry)),
    write: (lines) => writeAll(file, joined(lines)),
    reopen() {
      if (closed) return;
      const next = open(); // if that fails, the old one goes on
      const before = file;
      file = next;
      before.close();
    },
    close() {
      closed = true;
      file.close();
    },
  };
}

function joined(lines: readonly Uint8Array<ArrayBuffer>[]): Uint8Array {
  const all = new Uint8Array(lines.reduce((length, line) => length + line.length, 0));
  let at = 0;
  for (const line of lines) {
    all.set(line, at);
    at += line.length;
  }
  return all;
}
