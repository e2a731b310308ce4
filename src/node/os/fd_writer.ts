/**
 * Writing a nonblocking descriptor: a write completes only when the kernel took all of it.
 * @module
 */
import { EAGAIN, EINTR, libc } from "./libc.ts";
import { lastErrno } from "./os_error.ts";

/**
 * The descriptor stays its owner's, who tells when it is writable, and gives up what is under way before closing it. When
 * the other side is gone, what is written is dropped silently, as there is nobody left to read it.
 */
export class FdWriter {
  readonly #fd: number;
  #rest: Uint8Array<ArrayBuffer> | undefined;
  #done: () => void = () => {};

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether the owner is to tell when the descriptor is writable. */
  get waiting(): boolean {
    return this.#rest !== undefined;
  }

  /** One piece at a time. The memory may be lent: what the kernel does not take at once is copied. */
  write(piece: Uint8Array<ArrayBuffer>, done: () => void): void {
    this.#rest = piece;
    this.#done = done;
    this.ready(false);
    if (this.#rest !== undefined) this.#rest = new Uint8Array(this.#rest);
  }

  /** The descriptor may be writable, or its other side is gone. */
  ready(broken: boolean): void {
    let rest = this.#rest;
    if (rest === undefined) return;
    while (rest.length > 0) {
      const count = libc().write(this.#fd, rest, BigInt(rest.length));
      if (count > 0) {
        rest = rest.subarray(count);
        continue;
      }
      const errno = count === 0 ? EAGAIN : lastErrno();
      if (errno === EINTR) continue;
      if (errno !== EAGAIN || broken) break; // the reader is gone
      this.#rest = rest;
      return;
    }
    this.giveUp();
  }

  /** Drops what is left, if anything, which completes the write. */
  giveUp(): void {
    if (this.#rest === undefined) return;
    this.#rest = undefined;
    this.#done();
  }
}
