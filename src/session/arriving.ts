/**
 * Bulk data of a stream, gathered while the last of it is worked on: two blocks of memory take turns, whatever the size of
 * the pieces in which it comes.
 * @module
 */
import type { Readable } from "node:stream";
import { receive } from "../base/lending.ts";
import { ChunkBuffer } from "./chunk_buffer.ts";

/** So much is gathered before the other side has to wait. */
const ENOUGH = 256 * 1024;

/** @returns all that comes until the end; each block is valid until the next is asked for */
export async function* arriving(from: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  const gathered = new ChunkBuffer();
  let ended = false;
  let failure: Error | undefined;
  let news = Promise.withResolvers<void>();
  const end = () => {
    ended = true;
    news.resolve();
  };
  from.once("end", end);
  from.once("close", end);
  from.on("error", (error) => {
    failure ??= error;
    end();
  });
  let left = false;
  const more = receive(from, (piece) => {
    if (left) return true; // nobody wants it any more
    gathered.push(piece);
    news.resolve();
    return gathered.length < ENOUGH;
  });
  more();
  try {
    for (;;) {
      if (gathered.length > 0) {
        yield gathered.take();
        more();
        continue;
      }
      if (failure) throw failure;
      if (ended) return;
      gathered.rest();
      news = Promise.withResolvers();
      await news.promise;
    }
  } finally {
    left = true;
  }
}
