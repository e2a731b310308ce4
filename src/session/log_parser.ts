/**
 * Reading a session log in pieces: lines of bounded length, checked one by one and against each other. A last line that
 * was cut off by a crash is no error; it stays unread.
 * @module
 */
import { AppError, messageOf } from "../base/errors.ts";
import { type LogEntry, MAX_LINE, parseLine } from "./recording_format.ts";

const LINE_FEED = 0x0a;
const EMPTY = new Uint8Array();

/** An entry and where its line ends in the file. */
export interface PlacedEntry {
  entry: LogEntry;
  /** The byte after its line feed. */
  end: number;
}

/** Cuts a log into entries, whatever pieces it arrives in. Holds at most one line. */
export class LogParser {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #order = new LogOrder();
  #rest: Uint8Array = EMPTY;
  #end = 0;
  #lines = 0;

  /** Where the last complete line ended. */
  get end(): number {
    return this.#end;
  }

  /**
   * The entries that are complete with this piece.
   * @throws {AppError} bad_input naming the line, when it is malformed, too long or does not follow from those before
   */
  *push(piece: Uint8Array): Generator<PlacedEntry> {
    const data = this.#rest.length === 0 ? piece : join(this.#rest, piece);
    let at = 0;
    for (;;) {
      const stop = data.indexOf(LINE_FEED, at);
      const length = (stop < 0 ? data.length : stop) - at;
      if (length > MAX_LINE) throw this.#error(`it is longer than ${MAX_LINE} bytes`);
      if (stop < 0) break;
      const entry = this.#parse(data.subarray(at, stop));
      at = stop + 1;
      this.#end += length + 1;
      this.#lines++;
      yield { entry, end: this.#end };
    }
    this.#rest = data.slice(at);
  }

  #parse(line: Uint8Array): LogEntry {
    try {
      const entry = parseLine(this.#decoder.decode(line));
      this.#order.accept(entry);
      return entry;
    } catch (error) {
      throw this.#error(messageOf(error), error);
    }
  }

  #error(reason: string, cause?: unknown): AppError {
    return new AppError("bad_input", `the session log is damaged at line ${this.#lines + 1}: ${reason}`, {
      cause,
    });
  }
}

/** Checks that each entry follows from those before it. */
class LogOrder {
  #ei = 0;
  #ci = 0;
  #offset = 0;
  #ms = 0;

  accept(entry: LogEntry): void {
    if (entry.ei !== this.#ei) {
      throw new AppError("bad_input", `its ei is ${entry.ei} and should be ${this.#ei}`);
    }
    this.#ei++;
    if (entry.kind !== "print") return;
    if (entry.ci !== this.#ci) {
      throw new AppError("bad_input", `its ci is ${entry.ci} and should be ${this.#ci}`);
    }
    if (entry.offset !== this.#offset) {
      throw new AppError("bad_input", `its offset is ${entry.offset} and should be ${this.#offset}`);
    }
    if (entry.ms < this.#ms) {
      throw new AppError("bad_input", `it is at ${entry.ms} ms, before the print before it`);
    }
    this.#ci++;
    this.#offset += entry.bytes;
    this.#ms = entry.ms;
    if (!Number.isSafeInteger(this.#offset)) throw new AppError("bad_input", "it ends beyond any file");
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
