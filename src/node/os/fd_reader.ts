/**
 * Reading a nonblocking descriptor in large pieces, no faster than they are taken.
 * @module
 */
import { EAGAIN, EINTR, libc } from "./libc.ts";
import { lastErrno } from "./os_error.ts";

/** The most bytes of one piece. */
export const READ_CHUNK = 256 * 1024;
/**
 * A pipe that gave this much at once is given time to fill again, in milliseconds: reading what a busy program has just
 * written, a page at a time, would cost a change of threads for each.
 */
const BULK_PAUSE = 1;
/** Pieces read in one turn; then it is the others' turn. */
const ROUNDS = 4;

// One for all readers: filled and handed out within one synchronous turn.
const scratch = new Uint8Array(READ_CHUNK);

/** How one descriptor is read. */
export interface Reading {
  /** The most bytes of one piece; at most {@linkcode READ_CHUNK}. */
  chunk: number;
  /** A piece that empties the descriptor and has at least this many bytes is followed by a short pause. */
  bulk: number;
  /**
   * Gets each piece, in memory that is only lent.
   * @returns whether more is wanted now; if not, {@linkcode FdReader.want} asks again
   */
  take(piece: Uint8Array): boolean;
  /** Nobody holds the other side, or what was to be drained is: called once for each time this is found. */
  ended(): void;
  /** {@linkcode FdReader.waiting} may have changed by the passing of time. */
  changed(): void;
}

/** The descriptor stays its owner's, who tells when it is readable and stops the reader before closing it. */
export class FdReader {
  readonly #fd: number;
  readonly #reading: Reading;
  #wanted = false;
  #stopped = false;
  /** While it runs, nothing is read. */
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** How much may still be read, once the rest is to be drained. */
  #rest: number | undefined;

  constructor(fd: number, reading: Reading) {
    this.#fd = fd;
    this.#reading = reading;
  }

  /** Whether the owner is to tell when the descriptor is readable. */
  get waiting(): boolean {
    return this.#wanted && !this.#stopped && this.#pause === undefined && this.#rest === undefined;
  }

  /** More is wanted. @param now there may be some already; otherwise the owner is told of it */
  want(now: boolean): void {
    this.#wanted = true;
    // What is to be drained lies in the kernel already; no event will tell of it.
    if (now || this.#rest !== undefined) this.ready();
  }

  /** The descriptor may be readable. */
  ready(): void {
    if (this.#wanted && this.#pause === undefined) this.#fill();
  }

  /** Reads what the kernel holds at this moment, `limit` bytes at most, and has ended then. */
  drain(limit: number): void {
    if (this.#rest !== undefined) return;
    this.#rest = limit;
    this.#endPause();
    if (this.#wanted) this.#fill();
  }

  /** Reads nothing for so many milliseconds. */
  pause(milliseconds: number): ReturnType<typeof setTimeout> | undefined {
    if (this.#pause !== undefined || this.#stopped || this.#rest !== undefined) return undefined;
    return this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#reading.changed();
    }, milliseconds);
  }

  /** Reads and tells nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#endPause();
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  #fill(): void {
    const { chunk, bulk } = this.#reading;
    for (let round = 1; this.#wanted && !this.#stopped; round++) {
      const { length, found } = readInto(this.#fd, Math.min(chunk, this.#rest ?? chunk));
      if (this.#rest !== undefined) this.#rest -= length;
      if (length > 0) {
        this.#wanted = false;
        if (this.#reading.take(scratch.subarray(0, length))) this.#wanted = true;
        if (this.#stopped) return;
      }
      const draining = this.#rest !== undefined;
      if (found === "end" || (draining && (found === "empty" || this.#rest === 0))) {
        this.#reading.ended();
        return;
      }
      if (draining) continue;
      if (found === "empty" && length >= bulk) this.pause(BULK_PAUSE);
      if (found === "empty" || round >= ROUNDS) return;
    }
  }
}

/** Reads until `limit` bytes have come, or the kernel has no more for now, or nobody holds the other side. */
function readInto(fd: number, limit: number): { length: number; found: "full" | "empty" | "end" } {
  const { read } = libc();
  let length = 0;
  while (length < limit) {
    const count = read(fd, length === 0 ? scratch : scratch.subarray(length), BigInt(limit - length));
    if (count > 0) length += count;
    else if (count === 0) return { length, found: "end" };
    else {
      const errno = lastErrno();
      if (errno === EAGAIN) return { length, found: "empty" };
      if (errno !== EINTR) return { length, found: "end" }; // EIO: nobody holds the terminal any more
    }
  }
  return { length, found: "full" };
}
