import { assertEquals } from "@std/assert";
import type { Duplex } from "node:stream";
import { streamPair } from "./stream_pair.ts";

/** Everything up to the end. */
async function read(stream: Duplex): Promise<string> {
  let text = "";
  for await (const piece of stream.iterator({ destroyOnReturn: false })) text += piece;
  return text;
}

Deno.test("what is written into one end comes out of the other, and either direction ends by itself", async () => {
  const [a, b] = streamPair();
  a.write("one ");
  a.end("two");
  assertEquals(await read(b), "one two");
  b.end("back");
  assertEquals(await read(a), "back");
});

Deno.test("an end that nobody reads holds the writer back, and lets it go on when somebody does", async () => {
  const [a, b] = streamPair();
  let written = 0;
  const piece = new Uint8Array(64 * 1024);
  while (a.write(piece)) {
    written++;
    await Promise.resolve();
    if (written > 100) throw new Error("nothing held the writer back");
  }
  const drained = new Promise<void>((resolve) => a.once("drain", resolve));
  b.resume();
  await drained;
  a.destroy();
});

Deno.test("an end that is destroyed takes the other with it, also one that waits for a reader", async () => {
  const [a, b] = streamPair();
  a.write(new Uint8Array(1024 * 1024));
  const closed = new Promise<void>((resolve) => a.once("close", resolve));
  b.destroy();
  await closed;
});
