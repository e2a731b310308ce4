/**
 * The client of an scp process: its lines and data on standard input, ours on standard output.
 * @module
 */
import { FATAL, formatError, GOOD, MAX_LINE } from "../../../ssh/scp/lines.ts";
import { Ended, FAILED } from "./ended.ts";
import { readInput, tell, writeOutput } from "./stdio.ts";
import { shownText } from "./reporter.ts";

const BUFFER = 256 * 1024;
const NEWLINE = 10;

export class ScpChannel {
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #verbose: boolean;
  #start = 0;
  #end = 0;
  /** How many errors either side told of: with any, the exit status is 1. */
  errors = 0;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  #fill(): boolean {
    if (this.#start < this.#end) return true;
    this.#start = 0;
    this.#end = readInput(this.#buffer);
    return this.#end > 0;
  }

  /** The bytes that are there, at most `most`; waits for the first. None at the end of the input. */
  take(most: number): Uint8Array<ArrayBuffer> {
    if (!this.#fill()) return this.#buffer.subarray(0, 0);
    const piece = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + most));
    this.#start += piece.length;
    return piece;
  }

  /** A line without its newline; undefined at the end of the input. A line that does not end is an end of the program. */
  line(): Uint8Array | undefined {
    const bytes: number[] = [];
    for (;;) {
      const byte = this.take(1)[0];
      if (byte === undefined) {
        if (bytes.length === 0) return undefined;
        throw this.fail("lost connection");
      }
      if (byte === NEWLINE) return Uint8Array.from(bytes);
      if (bytes.length >= MAX_LINE) throw this.fail("protocol error: line too long");
      bytes.push(byte);
    }
  }

  /** Waits for the other side's word on what was sent last. @returns false when it tells of an error */
  response(): boolean {
    const byte = this.take(1)[0];
    if (byte === undefined) throw new Ended(FAILED);
    if (byte === GOOD) return true;
    this.line();
    this.errors++;
    if (byte === FATAL) throw new Ended(FAILED);
    return false;
  }

  good(): void {
    writeOutput(Uint8Array.of(GOOD));
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    writeOutput(data);
  }

  /** Tells the client of an error that does not end the transfer. */
  warn(message: Uint8Array | string): void {
    this.errors++;
    writeOutput(formatError(message));
  }

  /** Tells the client of an error, and gives what is to be thrown. */
  fail(message: string): Ended {
    this.warn(message);
    return new Ended(FAILED);
  }

  verbose(what: string, line: Uint8Array): void {
    if (this.#verbose) tell(`${what}: ${shownText(line)}`);
  }
}
