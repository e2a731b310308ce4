/**
 * Moving a program's output to the client and into the recording, no faster than the slower of the two.
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { give, receive } from "../base/lending.ts";

/** The part of a recorder that output goes through; a promise means: wait. */
export interface Tap {
  print(chunk: Uint8Array): Promise<void> | undefined;
}

/**
 * Copies `from` to `to` and to the tap until `from` ends. When the client is gone, what still comes is recorded and
 * otherwise dropped, so that the program is never stuck on a reader that will not come back.
 * @param gone settles when the client has left
 */
export function pump(from: Readable, to: Writable, gone: Promise<void>, tap?: Tap): Promise<void> {
  /** What was under way when there was enough: of a session on another host, a whole window. */
  const held: Uint8Array[] = [];
  let waiting = false;
  let left = false;
  let ended = false;
  gone.then(() => left = true);
  return new Promise((resolve) => {
    /** @returns false when the next piece has to wait */
    const pass = (piece: Uint8Array): boolean => {
      const recorded = tap?.print(piece);
      const sent = left || give(to, piece);
      if (recorded === undefined && sent) return true;
      waiting = true;
      const drained = sent ? undefined : new Promise<void>((done) => to.once("drain", done));
      Promise.all([recorded, drained && Promise.race([drained, gone])])
        .catch(() => {}) // the recorder has reported its failure, which ends the session
        .then(goOn);
      return false;
    };
    const goOn = () => {
      waiting = false;
      for (let piece = held.shift(); piece; piece = held.shift()) {
        if (!pass(piece)) return;
      }
      if (ended) resolve();
      else more();
    };
    const end = () => {
      ended = true;
      if (!waiting) resolve();
    };
    const more = receive(from, (piece) => {
      if (!waiting) return pass(piece);
      held.push(new Uint8Array(piece)); // a copy: it may be lent
      return false;
    });
    from.once("end", end);
    from.once("close", end);
  });
}
