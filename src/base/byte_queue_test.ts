import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { ByteQueue } from "./byte_queue.ts";

Deno.test("pieces taken are the bytes pushed, however they were cut", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.array(fc.nat(9)), (chunks, cuts) => {
    const queue = new ByteQueue();
    for (const chunk of chunks) queue.push(Buffer.from(chunk));
    const all = Buffer.concat(chunks);
    const taken: Buffer[] = [];
    for (const cut of cuts) {
      const count = Math.min(cut, queue.length);
      assertEquals(
        Buffer.from(queue.peek(count)),
        all.subarray(Buffer.concat(taken).length).subarray(0, count),
      );
      taken.push(Buffer.from(queue.take(count)));
    }
    const done = Buffer.concat(taken);
    assertEquals(done, all.subarray(0, done.length));
    assertEquals(queue.length, all.length - done.length);
  }));
});
