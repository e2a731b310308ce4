/**
 * The modes of a terminal that outlive what is on its screen (DEC private modes, `CSI ? n h` and `CSI ? n l`), found in
 * a stream of output at the price of a search for ESC.
 * @module
 */

const BRACKET = 0x5b, QUESTION = 0x3f, SMALL_C = 0x63;
const ESC = 0x1b, CAN = 0x18, SUB = 0x1a;
/** A sequence that is longer is none that matters here. */
const MAX_SEQUENCE = 32;

/** Alternate screen, cursor and its keys, wrapping, mouse, focus, bracketed paste. */
const KEPT: ReadonlySet<number> = new Set([1, 7, 25, 47, 1000, 1002, 1003, 1004, 1006, 1047, 1049, 2004]);
const ALTERNATE: readonly number[] = [47, 1047, 1049];

export class PrivateModes {
  readonly #set = new Map<number, boolean>();
  /** A sequence that has begun, ESC included. */
  #begun = "";

  /** Takes note of what a run of output sets; sequences may be cut anywhere between runs. */
  scan(output: Uint8Array): void {
    let at = 0;
    while (at < output.length) {
      if (this.#begun === "") {
        at = output.indexOf(ESC, at);
        if (at < 0) return;
        const skipped = skip(output, at);
        if (skipped > 0) {
          at += skipped;
          continue;
        }
      }
      at = this.#follow(output, at);
    }
  }

  /** Reads on in a sequence. @returns where it ends, or the end of the output */
  #follow(output: Uint8Array, from: number): number {
    for (let at = from; at < output.length; at++) {
      const byte = output[at] ?? 0;
      if (byte === ESC) this.#begun = "\x1b";
      else if (byte === CAN || byte === SUB || this.#begun.length >= MAX_SEQUENCE) return this.#stop(at + 1);
      else {
        this.#begun += String.fromCharCode(byte);
        if (isComplete(this.#begun)) {
          this.#apply(this.#begun);
          return this.#stop(at + 1);
        }
      }
    }
    return output.length;
  }

  #stop(at: number): number {
    this.#begun = "";
    return at;
  }

  #apply(sequence: string): void {
    if (sequence === "\x1bc") return this.#set.clear(); // a full reset
    // deno-lint-ignore no-control-regex
    const [, list, action] = /^\x1b\[\?([\d;]+)([hl])$/.exec(sequence) ?? [];
    for (const mode of (list ?? "").split(";").map(Number)) {
      if (KEPT.has(mode)) this.#set.set(mode, action === "h");
    }
  }

  /** True while a full-screen program shows a screen of its own. */
  get alternateScreen(): boolean {
    return ALTERNATE.some((mode) => this.#set.get(mode) === true);
  }

  /** What sets another terminal likewise. */
  sequence(): string {
    return this.#sequence(() => true);
  }

  /** The same but for the choice of the screen. */
  sequenceOnScreen(): string {
    return this.#sequence((mode) => !ALTERNATE.includes(mode));
  }

  #sequence(wanted: (mode: number) => boolean): string {
    return [...this.#set].filter(([mode]) => wanted(mode)).map(([mode, on]) =>
      `\x1b[?${mode}${on ? "h" : "l"}`
    ).join("");
  }

  copy(): PrivateModes {
    const copy = new PrivateModes();
    for (const [mode, on] of this.#set) copy.#set.set(mode, on);
    copy.#begun = this.#begun;
    return copy;
  }
}

/**
 * Most sequences are colours: they are told by their beginning.
 * @returns how far one that sets no mode can be left behind at once; 0 when it must be followed
 */
function skip(output: Uint8Array, at: number): number {
  if (at + 2 >= output.length) return 0;
  const kind = output[at + 1];
  if (kind === ESC || kind === SMALL_C) return 0;
  if (kind !== BRACKET) return 2;
  const first = output[at + 2] ?? 0;
  return first === QUESTION || first === ESC ? 0 : 3;
}

/** `ESC [ ... letter`, or ESC and one byte; longer ones of other kinds need not be followed. */
function isComplete(sequence: string): boolean {
  if (sequence[1] !== "[") return true;
  return sequence.length > 2 && /[@-~]$/.test(sequence);
}
