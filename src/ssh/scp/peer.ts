/**
 * The other side of an scp session, as its client sees it: lines and data that come, answers that go.
 * @module
 */
import type { Duplex } from "node:stream";
import { clearTimeout, setTimeout } from "node:timers";
import { AppError } from "../../base/errors.ts";
import { give, receive } from "../../base/lending.ts";
import { peerText } from "../peer_text.ts";
import { FATAL, formatError, GOOD, MAX_LINE } from "./lines.ts";

const DEFAULT_STALL_MS = 300_000;
const NEWLINE = 10;
/** With so much not taken yet, no more is wanted. */
const MAX_HELD = 1024 * 1024;
/** What may still come after the end. */
const MAX_REST = 1024 * 1024;

export class ScpPeer {
  readonly #stream: Duplex;
  readonly #stallMs: number;
  readonly #pieces: Uint8Array[] = [];
  readonly #more: () => void;
  #held = 0;
  #piece: Uint8Array = new Uint8Array();
  #ended = false;
  #abandoned = false;
  #wake = () => {};

  /** @param stallMs milliseconds without a sign of life, until the session is given up */
  constructor(stream: Duplex, stallMs = DEFAULT_STALL_MS) {
    this.#stream = stream;
    this.#stallMs = stallMs;
    this.#more = receive(stream, (piece) => this.#keep(piece));
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    stream.once("end", end).once("close", end).on("error", end);
    // Of a program that was quick no event comes any more.
    this.#ended = stream.destroyed || stream.readableEnded;
  }

  #keep(piece: Uint8Array): boolean {
    if (this.#abandoned) return true;
    this.#pieces.push(piece.slice()); // what was lent is used again
    this.#held += piece.length;
    this.#wake();
    return this.#held < MAX_HELD;
  }

  /** Waits until there is something to take. @returns false at the end */
  async #fill(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = this.#pieces.shift();
      if (next) {
        const full = this.#held >= MAX_HELD;
        this.#held -= next.length;
        this.#piece = next;
        if (full && this.#held < MAX_HELD) this.#more();
      } else if (this.#ended) return false;
      else await this.#within(new Promise<void>((resolve) => this.#wake = resolve));
    }
    return true;
  }

  #split(count: number): Uint8Array {
    const taken = this.#piece.subarray(0, count);
    this.#piece = this.#piece.subarray(taken.length);
    return taken;
  }

  /** The bytes that are there, at most `most`; waits for the first. None at the end. */
  async take(most: number): Promise<Uint8Array> {
    return await this.#fill() ? this.#split(most) : new Uint8Array();
  }

  /** A line without its newline; undefined at the end. @throws {AppError} bad_input for one that is too long */
  async line(): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (await this.#fill()) {
      const end = this.#piece.indexOf(NEWLINE);
      const part = this.#split(end < 0 ? this.#piece.length : end);
      length += part.length;
      if (length > MAX_LINE) throw new AppError("bad_input", "protocol error: line too long");
      parts.push(part);
      if (end < 0) continue;
      this.#split(1);
      return concatenated(parts);
    }
    if (length === 0) return undefined;
    throw new AppError("closed", "the other side ended in the middle of a line");
  }

  /**
   * The other side's word on what was sent last.
   * @returns undefined when all is well, else what it tells
   * @throws {AppError} when it gives up
   */
  async response(): Promise<string | undefined> {
    const [kind] = await this.take(1);
    if (kind === undefined) {
      throw new AppError("closed", "the other side ended before the transfer was complete");
    }
    if (kind === GOOD) return undefined;
    const rest = await this.line() ?? new Uint8Array();
    // A first byte that is no kind of answer belongs to a message that somebody else wrote.
    const text = peerText(kind > FATAL ? concatenated([Uint8Array.of(kind), rest]) : rest);
    if (kind === 1) return text;
    throw new AppError("unavailable", text || "the other side gave up");
  }

  good(): Promise<void> {
    return this.send(Uint8Array.of(GOOD));
  }

  warn(message: string): Promise<void> {
    return this.send(formatError(message));
  }

  /** Sends all of it, no faster than it is taken. */
  async send(data: Uint8Array): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableEnded) {
      if (this.#held + this.#piece.length > 0) return; // its last words, which are read next, tell why
      throw new AppError("closed", "the other side is gone");
    }
    if (give(this.#stream, data)) return; // by then it is done with the memory
    await this.#within(
      new Promise<void>((resolve) => {
        const settle = () => {
          this.#stream.off("drain", settle).off("close", settle);
          resolve();
        };
        this.#stream.on("drain", settle).on("close", settle);
      }),
    );
  }

  /** Ends our side, and waits for the end of the other one. */
  async end(): Promise<void> {
    this.#stream.end();
    for (let left = MAX_REST; left > 0;) {
      const { length } = await this.take(left);
      if (length === 0) return;
      left -= length;
    }
    throw new AppError("bad_input", "the other side does not end");
  }

  /** Gives the session up: what still comes is dropped, so that it can end. */
  abandon(): void {
    this.#abandoned = true;
    this.#pieces.length = 0;
    this.#more();
  }

  async #within<T>(work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new AppError("timeout", "the other side does not answer any more");
      timer = setTimeout(() => reject(error), this.#stallMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
