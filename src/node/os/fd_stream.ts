/**
 * A Node stream over one end of a pipe, with back-pressure: a consumer that stalls stops the reading.
 * @module
 */
import { FdReader, READ_CHUNK } from "./fd_reader.ts";
import { LendingDuplex } from "./lending_duplex.ts";
import { BROKEN, READABLE, type Watch, watch, WRITABLE } from "./reactor.ts";

/** What the kernel gives at once when a program writes bulk. */
const BULK = 64 * 1024;

/**
 * When the other side is gone the reading ends and writes are dropped silently, as there is nobody left to read them.
 */
export class FdStream extends LendingDuplex {
  readonly #watch: Watch;
  readonly #reader: FdReader;

  /** Takes the descriptor over, unless it throws (AppError). */
  constructor(fd: number, direction: "read" | "write") {
    super(fd, READ_CHUNK, { readable: direction === "read", writable: direction === "write" });
    this.#reader = new FdReader(fd, {
      chunk: READ_CHUNK,
      bulk: BULK,
      take: (piece) => this.hand(piece),
      ended: () => {
        this.release();
        this.push(null);
      },
      changed: () => this.rearm(),
    });
    this.#watch = watch(fd, (events) => {
      if (events & (READABLE | BROKEN)) this.#reader.ready();
      if (events & (WRITABLE | BROKEN)) this.writer.ready((events & BROKEN) !== 0);
      this.rearm();
    });
  }

  protected override want(now: boolean): void {
    this.#reader.want(now);
    this.rearm();
  }

  override _final(done: () => void): void {
    this.release(); // closing the pipe is how its reader learns of the end
    done();
  }

  protected override rearm(): void {
    if (this.fd === undefined) return;
    this.#watch.want((this.#reader.waiting ? READABLE : 0) | (this.writer.waiting ? WRITABLE : 0));
  }

  protected override unwatch(): void {
    this.#reader.stop();
    this.#watch.close();
  }
}
