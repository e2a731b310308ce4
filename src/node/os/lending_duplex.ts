/**
 * What the streams over descriptors have in common: they lend what they read, and write no faster than the kernel takes it.
 * @module
 */
import { Duplex } from "node:stream";
import { BORROW, borrowByWrite, type Borrower, LEND, type Lender } from "../../base/lending.ts";
import { FdWriter } from "./fd_writer.ts";
import { libc, O_NONBLOCK } from "./libc.ts";
import { must } from "./os_error.ts";

const F_GETFL = 3, F_SETFL = 4;

/** Makes a descriptor nonblocking. */
export function nonblocking(fd: number): void {
  const flags = must(libc().fcntl(fd, F_GETFL, 0), "prepare a descriptor");
  must(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK), "prepare a descriptor");
}

/** The stream owns its descriptor: it closes it when it is destroyed or has ended. It emits no errors. */
export abstract class LendingDuplex extends Duplex implements Lender, Borrower {
  #fd: number;
  protected readonly writer: FdWriter;
  #consumer: ((piece: Uint8Array) => boolean) | undefined;

  /**
   * Takes the descriptor over, unless it throws (AppError).
   * @param chunk the most bytes of one piece, and about the most that wait for a stalled consumer
   */
  constructor(fd: number, chunk: number, halves: { readable: boolean; writable: boolean }) {
    super({ ...halves, highWaterMark: chunk, decodeStrings: true });
    nonblocking(fd);
    this.#fd = fd;
    this.writer = new FdWriter(fd);
  }

  /** The descriptor, or undefined once it is closed. */
  get fd(): number | undefined {
    return this.#fd < 0 ? undefined : this.#fd;
  }

  /** More is wanted; with `now`, a busy program has written some by now: waiting to be told would change threads. */
  protected abstract want(now: boolean): void;
  /** Asks the kernel to tell what is waited for at this moment. */
  protected abstract rearm(): void;
  /** Ends the watching of the descriptor, which is about to be closed. */
  protected abstract unwatch(): void;

  /** Gives a lent piece on. @returns whether more is wanted now */
  protected hand(piece: Uint8Array): boolean {
    if (this.#consumer && this.readableLength === 0) return this.#consumer(piece);
    return this.push(piece.slice());
  }

  protected release(): void {
    if (this.#fd < 0) return;
    this.unwatch();
    libc().close(this.#fd);
    this.#fd = -1;
    this.writer.giveUp();
  }

  override _read(): void {
    this.want(false);
  }

  override _write(chunk: Uint8Array<ArrayBuffer>, _encoding: string, done: () => void): void {
    if (this.#fd < 0) return done();
    this.writer.write(chunk, done);
    this.rearm();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.release();
    done(error);
  }

  [BORROW](piece: Uint8Array): boolean {
    return borrowByWrite(this, piece);
  }

  [LEND](consumer: (piece: Uint8Array) => boolean): () => void {
    this.#consumer = consumer;
    return () => this.want(true);
  }
}
