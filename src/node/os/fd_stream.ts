/**
 * A Node stream over one end of a pipe, with back-pressure: a consumer that stalls stops the reading.
 * @module
 */
import { Duplex } from "node:stream";
import { BORROW, borrowByWrite, type Borrower, LEND, type Lender } from "../../base/lending.ts";
import { FdReader, READ_CHUNK } from "./fd_reader.ts";
import { FdWriter } from "./fd_writer.ts";
import { libc, O_NONBLOCK } from "./libc.ts";
import { must } from "./os_error.ts";
import { BROKEN, READABLE, type Watch, watch, WRITABLE } from "./reactor.ts";

/** What the kernel gives at once when a program writes bulk. */
const BULK = 64 * 1024;
const F_GETFL = 3, F_SETFL = 4;

/** Makes a descriptor nonblocking. */
export function nonblocking(fd: number): void {
  const flags = must(libc().fcntl(fd, F_GETFL, 0), "prepare a descriptor");
  must(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK), "prepare a descriptor");
}

/**
 * The stream owns the descriptor: it closes it when the stream is destroyed or has ended. When the other side is gone
 * the reading ends and writes are dropped silently, as there is nobody left to read them.
 */
export class FdStream extends Duplex implements Lender, Borrower {
  #fd: number;
  readonly #watch: Watch;
  readonly #reader: FdReader;
  readonly #writer: FdWriter;
  #consumer: ((piece: Uint8Array) => boolean) | undefined;

  /** Takes the descriptor over, unless it throws (AppError). */
  constructor(fd: number, direction: "read" | "write") {
    const halves = { readable: direction === "read", writable: direction === "write" };
    super({ ...halves, highWaterMark: READ_CHUNK, decodeStrings: true });
    nonblocking(fd);
    this.#fd = fd;
    this.#reader = new FdReader(fd, {
      chunk: READ_CHUNK,
      bulk: BULK,
      take: (piece) => {
        if (this.#consumer && this.readableLength === 0) return this.#consumer(piece);
        return this.push(piece.slice());
      },
      ended: () => {
        this.#release();
        this.push(null);
      },
      changed: () => this.#rearm(),
    });
    this.#writer = new FdWriter(fd);
    this.#watch = watch(fd, (events) => {
      if (events & (READABLE | BROKEN)) this.#reader.ready();
      if (events & (WRITABLE | BROKEN)) this.#writer.ready((events & BROKEN) !== 0);
      this.#rearm();
    });
  }

  override _read(): void {
    this.#reader.want();
    this.#rearm();
  }

  override _write(chunk: Uint8Array<ArrayBuffer>, _encoding: string, done: () => void): void {
    if (this.#fd < 0) return done();
    this.#writer.write(chunk, done);
    this.#rearm();
  }

  [BORROW](piece: Uint8Array): boolean {
    return borrowByWrite(this, piece);
  }

  [LEND](consumer: (piece: Uint8Array) => boolean): () => void {
    this.#consumer = consumer;
    return () => {
      // A busy program has written more by now: waiting for the kernel to tell would cost a change of threads.
      this.#reader.wantNow();
      this.#rearm();
    };
  }

  override _final(done: () => void): void {
    this.#release(); // closing the pipe is how its reader learns of the end
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#release();
    done(error);
  }

  #rearm(): void {
    if (this.#fd < 0) return;
    this.#watch.want((this.#reader.waiting ? READABLE : 0) | (this.#writer.waiting ? WRITABLE : 0));
  }

  #release(): void {
    if (this.#fd < 0) return;
    this.#reader.stop();
    this.#watch.close();
    libc().close(this.#fd);
    this.#fd = -1;
    this.#writer.giveUp();
  }
}
