/**
 * Reports to the node over descriptor 3. The node waits for nothing, but this process does: when a report cannot be
 * delivered, it ends rather than do what nobody would know of.
 * @module
 */
import { textAt } from "../../os/c_memory.ts";
import { libc } from "../../os/libc.ts";
import { type Deed, type FileAction, MAX_REPORT_TEXT, type Report } from "../report.ts";
import { cPath, type FileInfo, openFileInfo, readLink, workingDirectory, write } from "./calls.ts";
import { Ended, FAILED } from "./ended.ts";

const REPORTS = 3;
const SLASH = 0x2f;
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is known about a file that was opened. */
export interface Opened {
  id: number;
  action: FileAction;
  path: string;
  real?: string;
}

export class Reporter {
  readonly #pipe = openFileInfo(REPORTS);
  readonly #directory = shownText(workingDirectory() ?? new Uint8Array());
  #lastId = 0;

  /** Tells of something done, or of its failure with an error number. */
  done(action: FileAction, path: Uint8Array | string, result: number, more: Partial<Deed> = {}): void {
    const error = result < 0 ? errorText(result) : undefined;
    const shown = typeof path === "string" ? path : this.absolute(path);
    this.#send({ type: "done", deed: { action, path: shown, error, ...more } });
  }

  /** Tells that a file is open. */
  opened(action: FileAction, path: Uint8Array, fd: number): Opened {
    const id = ++this.#lastId;
    const shown = this.absolute(path);
    const link = readLink(cPath(encoder.encode(`/proc/self/fd/${fd}`)));
    const real = typeof link === "number" ? shown : shownText(link);
    this.#send({ type: "opened", id, action, path: shown });
    return { id, action, path: shown, ...(real === shown ? {} : { real }) };
  }

  /** Tells that it is closed, once, with what happened to it. */
  closed({ id, action, path, real }: Opened, more: Partial<Deed>): void {
    this.#send({ type: "done", id, deed: { action, path, real, ...more } });
  }

  fault(text: string): void {
    this.#send({ type: "fault", text: cut(text) });
  }

  /** A path as text, from the root. Only what means nothing is left out of it: `..` may lead anywhere behind a link. */
  absolute(path: Uint8Array): string {
    const shown = shownText(path);
    const parts = (path[0] === SLASH ? shown : `${this.#directory}/${shown}`).split("/");
    return cut(`/${parts.filter((part) => part !== "" && part !== ".").join("/")}`);
  }

  /** True for the pipe of these reports: nobody may open it by its path in /proc and write reports of their own. */
  isReports(file: FileInfo): boolean {
    const pipe = this.#pipe;
    return typeof pipe !== "number" && pipe.device === file.device && pipe.inode === file.inode;
  }

  #send(report: Report): void {
    let rest = encoder.encode(`${JSON.stringify(report)}\n`);
    while (rest.length > 0) {
      const count = write(REPORTS, rest);
      if (count <= 0) throw new Ended(FAILED);
      rest = rest.subarray(count);
    }
  }
}

/** The system's own words for a negative result. */
export function errorText(result: number): string {
  return textAt(libc().strerror(-result)) || `error ${-result}`;
}

/** A path as text: what is not UTF-8 is written as `\xff`. */
export function shownText(bytes: Uint8Array): string {
  try {
    return cut(strict.decode(bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  const characters = Array.from(
    bytes,
    (byte) => byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`,
  );
  return cut(characters.join(""));
}

function cut(text: string): string {
  return text.length > MAX_REPORT_TEXT ? `${text.slice(0, MAX_REPORT_TEXT - 3)}...` : text;
}
