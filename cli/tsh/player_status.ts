/**
 * Where a recording that plays is: in the terminal's title, and on its last line while the recording leaves that free or
 * playing pauses.
 * @module
 */
import type { PlayerControls } from "./player_keys.ts";

export interface StatusScreen {
  /** The rows of this terminal. */
  rows(): number;
  write(text: string): void;
}

export class PlayerStatus {
  readonly #screen: StatusScreen;
  /** Of the recorded terminal. */
  recordedRows = 0;
  #drawn = false;

  constructor(screen: StatusScreen) {
    this.#screen = screen;
  }

  show(player: PlayerControls & { readonly position: number }): void {
    const text = statusText(player);
    const rows = this.#screen.rows();
    this.#screen.write(`\x1b]0;${text}\x07`);
    if (player.paused || rows > this.recordedRows && this.recordedRows > 0) {
      this.#screen.write(`\x1b7\x1b[${rows};1H\x1b[7m ${text} \x1b[0m\x1b[K\x1b8`);
      this.#drawn = true;
    } else this.clear();
  }

  /** Takes the line away; what stood there is drawn by the recording again, or not. */
  clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    this.#screen.write(`\x1b7\x1b[${this.#screen.rows()};1H\x1b[K\x1b8`);
  }
}

/** `02:05  x2  paused  idle time is skipped` */
export function statusText(
  { position, speed, paused, skipIdle }: PlayerControls & { readonly position: number },
): string {
  const seconds = Math.floor(position / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const words = [`${hours > 0 ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`];
  if (speed !== 1) words.push(`x${speed}`);
  if (paused) words.push("paused");
  if (skipIdle) words.push("idle time is skipped");
  return words.join("  ");
}
