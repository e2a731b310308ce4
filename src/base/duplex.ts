/**
 * Joining byte streams.
 * @module
 */
import type { Duplex } from "node:stream";
import { flow } from "./lending.ts";

/**
 * Pipes two duplex streams into each other until both directions are done. Each direction's end is passed on by itself,
 * so half-closed connections work; a stream that breaks takes the other with it.
 */
export function joinStreams(a: Duplex, b: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let directions = 2;
    const link = (from: Duplex, to: Duplex) => {
      let over = false;
      const finish = () => {
        if (over) return;
        over = true;
        if (--directions === 0) {
          a.destroy();
          b.destroy();
          resolve();
        }
      };
      from.on("error", () => to.destroy());
      from.once("close", () => {
        if (!from.readableEnded) to.destroy();
      });
      // Not when `from` has ended: `to` may still have to send the last of it, which destroying it would lose.
      to.once("finish", finish);
      to.once("close", finish);
      flow(from, to);
    };
    link(a, b);
    link(b, a);
  });
}
