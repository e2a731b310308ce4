/**
 * A Node stream over the master of a pseudo terminal, with back-pressure both ways. While much comes out of the terminal, a
 * {@link startPump pump} reads it.
 * @module
 */
import { FdReader, READ_CHUNK } from "./fd_reader.ts";
import { LendingDuplex, nonblocking } from "./lending_duplex.ts";
import { libc } from "./libc.ts";
import { BROKEN, READABLE, type Watch, watch, WRITABLE } from "./reactor.ts";
import { startPump, type TerminalPump } from "./terminal_pump.ts";

/** The most bytes of one piece, and about the most that wait for a stalled consumer. */
const CHUNK = 64 * 1024;
/** How much is still read after `endAfterDrain`, should a background job keep writing. */
const DRAIN_LIMIT = 1024 * 1024;
/** How often a terminal that no program holds is looked at again, in milliseconds. */
const REOPEN_CHECK = 200;
/** A terminal that gives so many bytes in so many milliseconds is worth a pump, until it gives fewer in a longer time. */
const FLOOD = 512 * 1024, FLOOD_TIME = 200, QUIET_TIME = 1000;

/** A terminal ends by `endAfterDrain` only: a program may close its terminal for a while and open it again. */
export class TerminalStream extends LendingDuplex {
  readonly #watch: Watch;
  readonly #reader: FdReader;
  /** What is read instead of the terminal, until its end. */
  #pumped: { pump: TerminalPump; reader: FdReader; watch: Watch } | undefined;
  #wanted = false;
  #ending = false;
  /** When the rate was last looked at, in milliseconds, and the bytes since. */
  #since = 0;
  #bytes = 0;
  #pumpable = true;

  /** Takes the descriptor over, unless it throws (AppError). */
  constructor(master: number) {
    super(master, CHUNK, { readable: true, writable: true });
    this.#reader = new FdReader(master, {
      chunk: CHUNK,
      bulk: Infinity,
      take: (piece) => this.#take(piece, false),
      ended: () => this.#letGo(),
      changed: () => this.rearm(),
    });
    this.#watch = watch(master, (events) => {
      if (events & (READABLE | BROKEN)) this.#reader.ready();
      if (events & (WRITABLE | BROKEN)) this.writer.ready((events & BROKEN) !== 0);
      this.rearm();
    });
    // Both halves are one descriptor, which is gone once the output has ended.
    this.once("end", () => this.destroy());
  }

  /**
   * Reads what the kernel holds at this moment, then ends the stream, although other processes may hold the other side
   * open. A stalled consumer delays that. For a terminal whose session leader has exited.
   */
  endAfterDrain(): void {
    if (this.#ending || this.fd === undefined) return;
    this.#ending = true;
    if (this.#pumped) this.#pumped.pump.stop();
    else this.#reader.drain(DRAIN_LIMIT);
    this.rearm();
  }

  override _final(done: () => void): void {
    done(); // a terminal has no sign for the end of its input: its user types ^D
  }

  protected override want(now: boolean): void {
    this.#wanted = true;
    (this.#pumped?.reader ?? this.#reader).want(now);
    this.rearm();
  }

  protected override rearm(): void {
    if (this.fd === undefined) return;
    const direct = !this.#pumped && this.#reader.waiting;
    this.#watch.want((direct ? READABLE : 0) | (this.writer.waiting ? WRITABLE : 0));
    this.#pumped?.watch.want(this.#pumped.reader.waiting ? READABLE : 0);
  }

  protected override unwatch(): void {
    this.#closePump();
    this.#reader.stop();
    this.#watch.close();
  }

  /** @returns whether the same source is to give more */
  #take(piece: Uint8Array, pumped: boolean): boolean {
    const { length } = piece;
    this.#wanted = this.hand(piece);
    if (this.fd !== undefined) this.#judge(this.fd, length);
    return this.#wanted && pumped === (this.#pumped !== undefined);
  }

  /** Starts a pump when much comes out, and stops it when little does. */
  #judge(fd: number, length: number): void {
    this.#bytes += length;
    const flood = this.#bytes >= FLOOD;
    const now = performance.now();
    if (!this.#pumped && flood && !this.#ending && this.#pumpable) this.#startPump(fd);
    else if (now - this.#since < (this.#pumped ? QUIET_TIME : FLOOD_TIME)) return;
    else if (!flood) this.#pumped?.pump.stop();
    this.#since = now;
    this.#bytes = 0;
  }

  #startPump(fd: number): void {
    const pump = startPump(fd);
    this.#pumpable = pump !== undefined;
    if (!pump) return;
    nonblocking(pump.output);
    const reader = new FdReader(pump.output, {
      chunk: READ_CHUNK,
      bulk: Infinity, // the pump fills the pipe meanwhile: a pause, so the measurement, costs throughput
      take: (piece) => this.#take(piece, true),
      ended: () => this.#endPump(),
      changed: () => this.rearm(),
    });
    const watching = watch(pump.output, () => {
      reader.ready();
      this.rearm();
    });
    this.#pumped = { pump, reader, watch: watching };
    if (this.#wanted) reader.want(false);
  }

  /** All that went through the pump has come; the rest comes from the terminal itself. */
  #endPump(): void {
    this.#closePump();
    if (this.#ending) this.#reader.drain(DRAIN_LIMIT);
    if (this.#wanted) this.#reader.want(false);
  }

  #closePump(): void {
    const pumped = this.#pumped;
    if (!pumped) return;
    this.#pumped = undefined;
    pumped.reader.stop();
    pumped.watch.close();
    pumped.pump.stop();
    libc().close(pumped.pump.output);
  }

  /** Nobody holds the terminal, or it has been drained. */
  #letGo(): void {
    if (!this.#ending) {
      // It tells so again and again, but not when somebody opens it.
      const timer = this.#reader.pause(REOPEN_CHECK);
      if (timer !== undefined) Deno.unrefTimer(timer);
      return;
    }
    this.release();
    this.push(null);
  }
}
