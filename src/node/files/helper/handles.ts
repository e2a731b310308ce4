/**
 * What a client has open: files and directories, by the handles it was given. Their number is bounded.
 * @module
 */
import type { Deed } from "../report.ts";
import { close } from "./calls.ts";
import { errorText, type Opened, type Reporter } from "./reporter.ts";

/** As many as OpenSSH's server has with the usual limit of descriptors. */
export const MAX_HANDLES = 1000;

export interface OpenFile {
  type: "file";
  fd: number;
  opened: Opened;
  read: number;
  written: number;
  /** What was changed beside the content, by kind. */
  changes: Map<string, string>;
  /** The first failure to read or write. */
  failed?: number;
}

export interface OpenDirectory {
  type: "directory";
  fd: number;
  path: Uint8Array;
  /** Names that were read and not yet told. */
  waiting: Uint8Array<ArrayBuffer>[];
}

type Open = OpenFile | OpenDirectory;

export class Handles {
  readonly #open = new Map<number, Open>();
  readonly #reporter: Reporter;
  #last = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  get full(): boolean {
    return this.#open.size >= MAX_HANDLES;
  }

  /** A handle is never given out again: one that is used after its end is no handle at all. */
  add(entry: Open): Uint8Array {
    this.#last = (this.#last + 1) >>> 0;
    this.#open.set(this.#last, entry);
    const handle = new Uint8Array(4);
    new DataView(handle.buffer).setUint32(0, this.#last);
    return handle;
  }

  file(handle: Uint8Array): OpenFile | undefined {
    const entry = this.#open.get(number(handle));
    return entry?.type === "file" ? entry : undefined;
  }

  directory(handle: Uint8Array): OpenDirectory | undefined {
    const entry = this.#open.get(number(handle));
    return entry?.type === "directory" ? entry : undefined;
  }

  /** @returns the result of close(2), or undefined when there is no such handle */
  close(handle: Uint8Array): number | undefined {
    const key = number(handle);
    const entry = this.#open.get(key);
    if (entry === undefined) return undefined;
    this.#open.delete(key);
    return this.#close(entry);
  }

  /** At the end of the session: what is still open is closed and told of. */
  closeAll(error: string): void {
    for (const entry of this.#open.values()) this.#close(entry, error);
    this.#open.clear();
  }

  #close(entry: Open, error?: string): number {
    const result = close(entry.fd);
    if (entry.type === "directory") return result;
    const { opened, read, written, failed = result } = entry;
    const outcome: Partial<Deed> = {
      change: entry.changes.size > 0 ? [...entry.changes.values()].join(" ") : undefined,
      error: failed < 0 ? errorText(failed) : error,
    };
    if (opened.action === "write") {
      if (read > 0) this.#reporter.done("read", opened.path, 0, { real: opened.real, len: read });
      this.#reporter.closed(opened, { len: written, ...outcome });
    } else {
      this.#reporter.closed(opened, { len: read, ...outcome });
    }
    return result;
  }
}

function number(handle: Uint8Array): number {
  if (handle.length !== 4) return -1;
  return new DataView(handle.buffer, handle.byteOffset, 4).getUint32(0);
}
