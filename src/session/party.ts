/**
 * What one party of a shared session gets to see, if it is not the owner: first the screen, then the output. A party that
 * reads too slowly holds nobody back: it misses output, and is shown the screen anew when it can take more.
 * @module
 */
import type { Writable } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { give } from "../base/lending.ts";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";

const log = logger("session");

/** What comes while the screen is drawn; a flood is left out, and the screen drawn once more. */
const MAX_MISSED = 64 * 1024;
/** Between two screens for the same party: drawing takes time that is everybody's. */
const REDRAW_MS = 250;
/** What may wait for a party besides output: notices. */
const MAX_WAITING = 64 * 1024;

interface Missed {
  pieces: Uint8Array[];
  /** More than the pieces hold once it is more than is kept. */
  bytes: number;
}

const NOTHING: Missed = { pieces: [], bytes: 0 };

export interface ViewOptions {
  output: Writable;
  clock: Clock;
  /** The screen as it is when this is called. */
  draw(): Promise<Uint8Array>;
}

export class PartyView {
  readonly #options: ViewOptions;
  /** Set while the party is not up to date. */
  #missed: Missed | undefined;
  /** The party takes no more for now. */
  #full = false;
  #closed = false;
  #wake = () => {};

  constructor(options: ViewOptions) {
    this.#options = options;
    const { output } = options;
    output.on("drain", () => {
      this.#full = false;
      this.#wake();
    });
    output.once("close", () => this.close());
    this.#fallBehind(true);
  }

  /** Output of the program; the memory may be lent. */
  show(piece: Uint8Array): void {
    if (this.#closed) return;
    const missed = this.#missed;
    if (missed) {
      missed.bytes += piece.length;
      if (missed.bytes <= MAX_MISSED) missed.pieces.push(piece.slice());
      else missed.pieces.length = 0;
      return;
    }
    this.#give(piece);
    if (this.#full) this.#fallBehind(false);
  }

  /** One line of ours, unless the party is far behind. */
  tell(text: Uint8Array): void {
    const { output } = this.#options;
    if (!this.#closed && output.writable && output.writableLength < MAX_WAITING) output.write(text);
  }

  close(): void {
    this.#closed = true;
    this.#missed = undefined;
    this.#wake();
  }

  #give(piece: Uint8Array): void {
    if (!give(this.#options.output, piece)) this.#full = true;
  }

  #fallBehind(redraw: boolean): void {
    this.#missed = { pieces: [], bytes: 0 };
    this.#catchUp(redraw).catch((error: unknown) => {
      log.error("the screen of a session cannot be drawn: {error}", { error: messageOf(error) });
      this.#options.output.destroy();
    });
  }

  async #catchUp(redraw: boolean): Promise<void> {
    const { draw, clock } = this.#options;
    for (let round = 0; !this.#closed; round++) {
      if (this.#full) await this.#until(() => ({ cancel() {} }));
      if (redraw) {
        if (round > 0) await this.#until((done) => clock.after(REDRAW_MS, done));
        this.#missed = { pieces: [], bytes: 0 };
        const screen = await draw();
        if (this.#closed) return;
        this.#give(screen);
      }
      if (this.#closed) return;
      const { pieces, bytes } = this.#missed ?? NOTHING;
      redraw = bytes > MAX_MISSED;
      if (redraw) continue;
      for (const piece of pieces) this.#give(piece);
      this.#missed = this.#full ? { pieces: [], bytes: 0 } : undefined;
      if (!this.#full) return;
    }
  }

  /** Until the party takes more, is gone, or what is armed calls. */
  async #until(arm: (done: () => void) => { cancel(): void }): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const armed = arm(resolve);
    await promise;
    armed.cancel();
  }
}
