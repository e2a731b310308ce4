/**
 * The client's bytes: standard input and output of the process, read and written one after the other.
 * @module
 */
import { read, write } from "./calls.ts";
import { Ended, FAILED } from "./ended.ts";

const INPUT = 0, OUTPUT = 1, ERROR = 2;
const encoder = new TextEncoder();

/** Waits for bytes. @returns how many, 0 at the end */
export function readInput(into: Uint8Array<ArrayBuffer>): number {
  const count = read(INPUT, into);
  if (count < 0) throw new Ended(FAILED);
  return count;
}

/** Writes all of it. Throws {@link Ended} when nobody reads any more. */
export function writeOutput(data: Uint8Array<ArrayBuffer>): void {
  for (let rest = data; rest.length > 0;) {
    const count = write(OUTPUT, rest);
    if (count <= 0) throw new Ended(FAILED);
    rest = rest.subarray(count);
  }
}

/** A line for people; nothing depends on it. */
export function tell(text: string): void {
  write(ERROR, encoder.encode(`${text}\n`));
}
