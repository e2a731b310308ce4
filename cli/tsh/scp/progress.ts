/**
 * One line for each file that is under way, as scp(1) shows it: name, per cent, bytes, rate, time left.
 * @module
 */
import type { Progress } from "../../../src/ssh/transfer/report.ts";

const EVERY_MS = 200;
const UNITS = ["B ", "KB", "MB", "GB", "TB"];

/** Draws on a terminal of a given width. */
export class ProgressMeter {
  readonly #write: (text: string) => void;
  readonly #width: () => number;
  readonly #now: () => number;
  #file: string | undefined;
  #started = 0;
  #first = 0;
  #drawn = 0;
  #last: Progress | undefined;

  constructor(write: (text: string) => void, width: () => number, now: () => number) {
    this.#write = write;
    this.#width = width;
    this.#now = now;
  }

  /** Takes a sign of progress; draws now and then, and at the end of each file. */
  readonly update = (progress: Progress): void => {
    const now = this.#now();
    if (progress.target !== this.#file) {
      this.#endLine();
      this.#file = progress.target;
      this.#started = now;
      this.#first = progress.done;
      this.#drawn = 0;
    }
    this.#last = progress;
    const complete = progress.total > 0 && progress.done >= progress.total;
    if (!complete && now - this.#drawn < EVERY_MS) return;
    this.#drawn = now;
    this.#draw(progress, now, complete);
  };

  /** Ends the last line. */
  end(): void {
    this.#endLine();
    this.#file = undefined;
  }

  #endLine(): void {
    if (!this.#last) return;
    this.#draw(this.#last, this.#now(), true);
    this.#write("\n");
    this.#last = undefined;
  }

  #draw({ source, done, total }: Progress, now: number, complete: boolean): void {
    const seconds = Math.max((now - this.#started) / 1000, 0.001);
    const rate = (done - this.#first) / seconds;
    const percent = total > 0 ? Math.floor(100 * done / total) : complete ? 100 : 0;
    const left = complete ? seconds : rate > 0 ? (total - done) / rate : undefined;
    const figures = ` ${String(percent).padStart(3)}% ${amount(done)} ${amount(rate)}/s ${clock(left)}` +
      (complete ? "    " : " ETA");
    const room = Math.max(this.#width() - figures.length - 1, 8);
    const name = source.split("/").at(-1) ?? source;
    this.#write(`\r${name.slice(0, room).padEnd(room)}${figures}`);
  }
}

function amount(bytes: number): string {
  let value = bytes, unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${(unit === 0 ? Math.round(value).toString() : value.toFixed(1)).padStart(5)}${UNITS[unit]}`;
}

function clock(seconds: number | undefined): string {
  if (seconds === undefined || seconds > 359_999) return "--:--";
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
