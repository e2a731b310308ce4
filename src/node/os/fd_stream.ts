/**
 * A Node stream over a nonblocking descriptor (pty master or pipe end) with back-pressure both ways: a consumer that
 * stalls stops the reading, and a write completes only when the kernel took all of it.
 * @module
 */
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import { BORROW, borrowByWrite, type Borrower, LEND, type Lender } from "../../base/lending.ts";
import { EAGAIN, EINTR, EIO, libc, O_NONBLOCK } from "./libc.ts";
import { lastErrno, must } from "./os_error.ts";
import { BROKEN, READABLE, type Watch, watch, WRITABLE } from "./reactor.ts";

/**
 * The most bytes of one chunk, and about the most that wait for a stalled consumer: a terminal gives 4 KiB a read, and
 * its user waits for the first of them; a pipe carries bulk.
 */
const TERMINAL_CHUNK = 64 * 1024, PIPE_CHUNK = 256 * 1024;
/** How much is still read after `endAfterDrain`, should a background job keep writing. */
const DRAIN_LIMIT = 1024 * 1024;
/** How often a terminal that no program holds is looked at again, in milliseconds. */
const REOPEN_CHECK = 200;
/**
 * A pipe that gave this much at once is given time to fill again, in milliseconds: reading what a busy program has just
 * written, a page at a time, would cost a change of threads for each.
 */
const BULK = 64 * 1024, BULK_PAUSE = 1;
/**
 * What the kernel holds of a busy program's terminal output, and how often it is looked for more: it takes a moment to move
 * the next page up, and a change of threads for each page costs three times that. A look is one call that finds nothing;
 * all of them together take less than a millisecond.
 */
const TERMINAL_PAGE = 4000, TRIES = 50;
/** And how often at once, before what was read is handed on: larger pieces cost less each, and this takes some 30 µs. */
const LOOKS = 40;
/** Chunks read in one turn; then it is the others' turn. */
const ROUNDS = 4;
const EBADF = 9;
const F_GETFL = 3, F_SETFL = 4;

// One for all streams: filled and copied out within one synchronous turn.
const scratch = new Uint8Array(Math.max(TERMINAL_CHUNK, PIPE_CHUNK));

/** Which ways a descriptor is used. */
export type Direction = "read" | "write" | "both";

interface PendingWrite {
  rest: Uint8Array<ArrayBuffer>;
  done: () => void;
}

/**
 * The stream owns the descriptor: it closes it when the stream is destroyed or has ended. When the other side is gone
 * the reading ends and writes are dropped silently, as there is nobody left to read them. A terminal ends by
 * `endAfterDrain` only: a program may close its terminal for a while and open it again.
 */
export class FdStream extends Duplex implements Lender, Borrower {
  #fd: number;
  readonly #direction: Direction;
  readonly #chunk: number;
  readonly #watch: Watch;
  #hungry = false;
  #draining = false;
  #drained = 0;
  /** While it runs, nothing is read. */
  #pause: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #trying = false;
  #pending: PendingWrite | undefined;
  #consumer: ((piece: Uint8Array) => boolean) | undefined;

  /** Takes the descriptor over, unless it throws (AppError). */
  constructor(fd: number, direction: Direction) {
    const halves = { readable: direction !== "write", writable: direction !== "read" };
    const chunk = direction === "both" ? TERMINAL_CHUNK : PIPE_CHUNK;
    super({ ...halves, highWaterMark: chunk, decodeStrings: true });
    const flags = must(libc().fcntl(fd, F_GETFL, 0), "prepare a descriptor");
    must(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK), "prepare a descriptor");
    this.#fd = fd;
    this.#direction = direction;
    this.#chunk = chunk;
    this.#watch = watch(fd, (events) => this.#ready(events));
    // Both halves of a pty are one descriptor, which is gone once the output has ended.
    if (direction === "both") this.once("end", () => this.destroy());
  }

  /** The descriptor, or undefined once it is closed. */
  get fd(): number | undefined {
    return this.#fd < 0 ? undefined : this.#fd;
  }

  /**
   * Reads what the kernel holds at this moment, then ends the stream, although other processes may hold the other side
   * open. A stalled consumer delays that. For a terminal whose session leader has exited.
   */
  endAfterDrain(): void {
    if (this.#draining || this.#fd < 0) return;
    this.#draining = true;
    // A pause ends in waiting for the kernel to tell, which it does no more.
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#hungry) this.#fill();
    this.#rearm();
  }

  override _read(): void {
    this.#hungry = true;
    // What is to be drained lies in the kernel already; no event will tell of it.
    if (this.#draining) this.#fill();
    this.#rearm();
  }

  override _write(chunk: Uint8Array<ArrayBuffer>, _encoding: string, done: () => void): void {
    this.#pending = { rest: chunk, done };
    this.#flush(false);
    if (this.#pending) this.#pending.rest = new Uint8Array(this.#pending.rest); // a copy: the memory may be lent
    this.#rearm();
  }

  [BORROW](piece: Uint8Array): boolean {
    return borrowByWrite(this, piece);
  }

  [LEND](consumer: (piece: Uint8Array) => boolean): () => void {
    this.#consumer = consumer;
    return () => {
      this.#hungry = true;
      // A busy program has written more by now: waiting for the kernel to tell would cost a change of threads.
      if (this.#pause === undefined && !this.#trying) this.#fill();
      this.#rearm();
    };
  }

  override _final(done: () => void): void {
    // Closing the pipe is how its reader learns of the end. A terminal has no such sign: its user types ^D.
    if (this.#direction === "write") this.#release();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#release();
    done(error);
  }

  #ready(events: number): void {
    if (this.#hungry && events & (READABLE | BROKEN)) this.#fill();
    if (this.#pending && events & (WRITABLE | BROKEN)) this.#flush((events & BROKEN) !== 0);
    this.#rearm();
  }

  #rearm(): void {
    if (this.#fd < 0) return;
    const waiting = this.#pause !== undefined || this.#trying;
    const reading = this.#hungry && !this.#draining && !waiting;
    this.#watch.want((reading ? READABLE : 0) | (this.#pending ? WRITABLE : 0));
  }

  /** Reads until the chunk is full or the kernel has no more (a pty gives about 4 KiB a read), as one chunk. */
  #fill(): void {
    for (let round = 1; this.#fd >= 0 && this.#hungry; round++) {
      let length = 0;
      let ended = false;
      let empty = false;
      let looks = 0;
      while (length < this.#chunk && !empty && !ended) {
        const room = BigInt(this.#chunk - length);
        const count = libc().read(this.#fd, length === 0 ? scratch : scratch.subarray(length), room);
        if (count > 0) {
          length += count;
          looks = 0;
        } else if (count === 0) ended = true;
        else {
          const errno = lastErrno();
          if (errno === EIO || errno === EBADF) ended = true; // EIO: nobody holds the terminal any more
          else if (errno !== EINTR) {
            const busy = this.#direction === "both" && length >= TERMINAL_PAGE;
            empty = !busy || this.#draining || ++looks > LOOKS;
          }
        }
      }
      if (this.#draining) {
        this.#drained += length;
        ended ||= empty || this.#drained >= DRAIN_LIMIT;
      }
      if (length > 0) {
        this.#hungry = false;
        if (this.#hand(length)) this.#hungry = true;
      }
      if (ended && this.#direction === "both" && !this.#draining) {
        // A terminal tells that nobody holds it, again and again, but not when somebody opens it.
        this.#pauseReading(REOPEN_CHECK);
      } else if (ended) {
        this.#release();
        this.push(null);
      } else if (empty && length >= BULK && this.#direction === "read") {
        this.#pauseReading(BULK_PAUSE);
      } else if (empty && this.#direction === "both") {
        if (length >= TERMINAL_PAGE) this.#tries = TRIES;
        if (this.#tries > 0) this.#tryAgain();
      }
      if (!this.#draining && (empty || this.#pause !== undefined || round >= ROUNDS)) return;
    }
  }

  /** Hands on what lies in the scratch memory. @returns whether more is wanted */
  #hand(length: number): boolean {
    if (this.#consumer && this.readableLength === 0) return this.#consumer(scratch.subarray(0, length));
    return this.push(scratch.slice(0, length));
  }

  /** Looks again after the other work of this turn, without waiting for the kernel to tell. */
  #tryAgain(): void {
    this.#tries--;
    if (this.#trying) return;
    this.#trying = true;
    setImmediate(() => {
      this.#trying = false;
      if (this.#hungry) this.#fill();
      this.#rearm();
    });
  }

  #pauseReading(milliseconds: number): void {
    if (this.#pause !== undefined) return;
    const timer = setTimeout(() => {
      this.#pause = undefined;
      this.#rearm();
    }, milliseconds);
    if (milliseconds === REOPEN_CHECK) Deno.unrefTimer(timer);
    this.#pause = timer;
  }

  #flush(broken: boolean): void {
    const pending = this.#pending;
    while (pending !== undefined && this.#fd >= 0 && pending.rest.length > 0) {
      const count = libc().write(this.#fd, pending.rest, BigInt(pending.rest.length));
      if (count > 0) {
        pending.rest = pending.rest.subarray(count);
        continue;
      }
      const errno = count === 0 ? EAGAIN : lastErrno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN && !broken) return;
      break; // the reader is gone
    }
    this.#pending = undefined;
    pending?.done();
  }

  #release(): void {
    if (this.#fd < 0) return;
    clearTimeout(this.#pause);
    this.#watch.close();
    libc().close(this.#fd);
    this.#fd = -1;
    this.#flush(true);
  }
}
