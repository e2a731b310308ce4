/**
 * A recording as plain text: what was written, line by line, with what was corrected on a line in its final form, and
 * nothing that a terminal would act on.
 * @module
 */
import type { RecordingFrame } from "./reader.ts";

/** A longer line is broken. */
const MAX_LINE = 16_384;
const MAX_SEQUENCE = 4096;

/** Writes a recording as text, line by line. */
export async function* toPlainText(frames: AsyncIterable<RecordingFrame>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const paper = new Paper();
  for await (const frame of frames) {
    if ("data" in frame) yield* paper.write(decoder.decode(frame.data, { stream: true }));
  }
  yield* paper.write(decoder.decode());
  if (paper.line !== "") yield `${paper.line}\n`;
}

/** One line that is being written, and a sequence that may be cut off. */
class Paper {
  #cells: string[] = [];
  #at = 0;
  #sequence: string | undefined;

  get line(): string {
    return this.#cells.join("").trimEnd();
  }

  *write(text: string): Generator<string> {
    for (const character of text) {
      if (this.#sequence !== undefined) this.#follow(character);
      else if (character === "\x1b") this.#sequence = "";
      else if (character === "\n") yield this.#take();
      else if (character === "\r") this.#at = 0;
      else if (character === "\b") this.#at = Math.max(0, this.#at - 1);
      else if (character === "\t") this.#at = Math.min(MAX_LINE, this.#at - this.#at % 8 + 8);
      else if (!isControl(character)) {
        if (this.#at >= MAX_LINE) yield this.#take();
        while (this.#cells.length < this.#at) this.#cells.push(" ");
        this.#cells[this.#at++] = character;
      }
    }
  }

  #take(): string {
    const line = `${this.line}\n`;
    this.#cells = [];
    this.#at = 0;
    return line;
  }

  /** ECMA-48: CSI up to a letter; OSC and its like up to BEL or ST; else one more character. */
  #follow(character: string): void {
    const sequence = this.#sequence = `${this.#sequence}${character}`;
    const first = sequence[0] ?? "";
    if (sequence.length > MAX_SEQUENCE || character === "\x18" || character === "\x1a") {
      this.#sequence = undefined;
    } else if (first === "[") {
      if (sequence.length === 1 || !/[@-~]/.test(character)) return;
      this.#sequence = undefined;
      this.#edit(sequence);
    } else if ("]PX^_".includes(first)) {
      if (character === "\x07" || sequence.endsWith("\x1b\\")) this.#sequence = undefined;
    } else if (!/[ -/]/.test(character)) this.#sequence = undefined;
  }

  /** What shells use to edit a line. */
  #edit(sequence: string): void {
    const count = Math.min(MAX_LINE, Number(/^\[(\d{1,5})/.exec(sequence)?.[1] ?? 1) || 1);
    switch (sequence.at(-1)) {
      case "C":
        this.#at = Math.min(MAX_LINE, this.#at + count);
        break;
      case "D":
        this.#at = Math.max(0, this.#at - count);
        break;
      case "G":
        this.#at = count - 1;
        break;
      case "K":
        if (sequence === "[K" || sequence === "[0K") {
          this.#cells.length = Math.min(this.#cells.length, this.#at);
        } else if (sequence === "[2K") this.#cells = [];
        break;
      case "P":
        this.#cells.splice(this.#at, count);
        break;
    }
  }
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || code >= 0x7f && code < 0xa0 ||
    /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(character);
}
