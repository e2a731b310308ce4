/**
 * The end of the process from within: thrown where it cannot or must not go on.
 * @module
 */

/** Ends the program with a code; nothing is told to anybody. */
export class Ended extends Error {
  constructor(readonly code: number) {
    super(`ended with ${code}`);
  }
}

/** Standard output of a program whose reader is gone, or one whose client broke the protocol. */
export const FAILED = 1;
