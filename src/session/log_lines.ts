/**
 * The lines of a running session's log, numbered and timed as they are made. Output of the same millisecond becomes one
 * print line, so that a flood of output does not become a flood of lines.
 * @module
 */
import { type EventFields, sessionTime } from "../model/event.ts";
import { formatPrint, formatSessionEvent, MAX_PRINT } from "./recording_format.ts";
import type { Chain, Sealer } from "./seal.ts";

/** Where a log stands: what its next lines must carry. */
export interface LogPosition {
  ei: number;
  ci: number;
  offset: number;
  /** Of the last print. */
  ms: number;
}

/** What seals the lines of a log. */
export interface LineSeal {
  chain: Chain;
  sid: string;
  /** Signs the end. */
  sealer(): Sealer;
}

/** Makes lines in order; `take` hands over what was made since the last call. */
export class LogLines {
  #ei: number;
  #ci: number;
  #offset: number;
  #ms: number;
  /** Of the first print, milliseconds since the epoch. */
  #start: number | undefined;
  #now = Number.NaN;
  #time = "";
  /** Bytes of the print whose line is not written yet. */
  #open = 0;
  #lines = "";
  readonly #seal: LineSeal | undefined;

  /** Goes on from `position`; a new log when none is given. */
  constructor(position: LogPosition = { ei: 0, ci: 0, offset: 0, ms: 0 }, seal?: LineSeal) {
    this.#seal = seal;
    ({ ei: this.#ei, ci: this.#ci, offset: this.#offset, ms: this.#ms } = position);
  }

  /** How much text waits to be taken. */
  get length(): number {
    return this.#lines.length;
  }

  /** Output appeared at `now`; the memory may be lent. */
  print(output: Uint8Array, now: number): void {
    if (now !== this.#now || this.#open + output.length > MAX_PRINT) {
      this.#closePrint();
      this.#setTime(now);
    }
    for (let at = 0; at < output.length; at += MAX_PRINT) {
      this.#closePrintIf(this.#open === MAX_PRINT);
      const piece = output.subarray(at, at + MAX_PRINT);
      this.#seal?.chain.feed(piece);
      this.#open += piece.length;
    }
  }

  /** An event happened at `now`. @throws {AppError} limit when it is too long for a line */
  event(fields: EventFields, now: number): void {
    this.#closePrint();
    this.#setTime(now);
    this.#add(
      formatSessionEvent(fields, fields.time ?? this.#time, this.#ei),
      fields.event === "session.end",
    );
    this.#ei++;
  }

  #add(line: string, end = false): void {
    const seal = this.#seal;
    if (!seal) this.#lines += `${line}\n`;
    else if (end) this.#lines += `${seal.chain.sealEnd(line, seal.sid, seal.sealer())}\n`;
    else this.#lines += `${seal.chain.seal(line)}\n`;
  }

  /** The lines made since the last call. */
  take(): string {
    this.#closePrint();
    const lines = this.#lines;
    this.#lines = "";
    return lines;
  }

  #setTime(now: number): void {
    if (now === this.#now) return;
    this.#now = now;
    this.#time = sessionTime(now);
  }

  #closePrint(): void {
    this.#closePrintIf(this.#open > 0);
  }

  #closePrintIf(due: boolean): void {
    if (due) this.#writePrint(this.#open);
  }

  #writePrint(bytes: number): void {
    this.#start ??= this.#now - this.#ms;
    // A clock that was set back must not make the recording run backwards.
    this.#ms = Math.max(this.#ms, this.#now - this.#start);
    this.#add(formatPrint({
      time: this.#time,
      bytes,
      ms: this.#ms,
      offset: this.#offset,
      ei: this.#ei++,
      ci: this.#ci++,
    }));
    this.#offset += bytes;
    this.#open -= bytes;
  }
}
