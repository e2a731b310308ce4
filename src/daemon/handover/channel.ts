/**
 * One end of the pair of sockets between a daemon and the one that takes over from it. That it closes tells each that the
 * other one has ended.
 * @module
 */
import { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { type HandoverMessage, parseMessage } from "./messages.ts";

const MAX_LINE = 64 * 1024;

export class HandoverChannel {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #received: HandoverMessage[] = [];
  /** Settles when the other process has ended or let go. */
  readonly closed: Promise<void>;
  #open = true;
  #wake: (() => void) | undefined;

  /** @param fd is this channel's from now on */
  constructor(fd: number, clock: Clock) {
    this.#clock = clock;
    this.#socket = new Socket({ fd });
    this.closed = new Promise((resolve) =>
      this.#socket.once("close", () => {
        this.#open = false;
        this.#wake?.();
        resolve();
      })
    );
    this.#socket.on("error", () => {}); // "close" follows
    this.#socket.once("end", () => this.#socket.destroy());
    let rest = "";
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const message = parseMessage(line);
        if (message) this.#received.push(message);
      }
      if (rest.length > MAX_LINE) this.#socket.destroy();
      this.#wake?.();
    });
  }

  get open(): boolean {
    return this.#open;
  }

  send(message: HandoverMessage): void {
    if (this.#open) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Sends a last message and waits until it is on its way. */
  async sendLast(message: HandoverMessage): Promise<void> {
    if (!this.#open) return;
    await new Promise<void>((resolve) => {
      this.#clock.after(SECOND, resolve);
      this.#socket.write(`${JSON.stringify(message)}\n`, () => resolve());
    });
  }

  /**
   * The next message.
   * @param ms how long to wait for it
   * @returns undefined when the other side has closed
   * @throws {AppError} timeout
   */
  async next(ms: number): Promise<HandoverMessage | undefined> {
    const until = this.#clock.now() + ms;
    for (;;) {
      const message = this.#received.shift();
      if (message || !this.#open) return message;
      const left = until - this.#clock.now();
      if (left <= 0) throw new AppError("timeout", `nothing was heard for ${ms / SECOND} seconds`);
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(left, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
