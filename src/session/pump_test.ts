import { assert, assertEquals } from "@std/assert";
import { PassThrough, Readable, Writable } from "node:stream";
import { LEND } from "../base/lending.ts";
import { pump } from "./pump.ts";

const never = new Promise<void>(() => {});

/** A stream that lends what it is told to, whether there is enough or not, as an SSH channel does with its window. */
class Window extends Readable {
  consumer: (piece: Uint8Array) => boolean = () => true;
  asked = 0;

  override _read(): void {}

  [LEND](consumer: (piece: Uint8Array) => boolean): () => void {
    this.consumer = consumer;
    return () => void this.asked++;
  }
}

Deno.test("what a lender has under way when there is enough is kept, in order, and copied", async () => {
  const from = new Window();
  const to = new PassThrough();
  let text = "";
  to.on("data", (piece) => text += piece);
  const printed: string[] = [];
  const slow: PromiseWithResolvers<void>[] = [];
  const tap = {
    print(piece: Uint8Array): Promise<void> {
      printed.push(new TextDecoder().decode(piece));
      const turn = Promise.withResolvers<void>();
      slow.push(turn);
      return turn.promise;
    },
  };
  const done = pump(from, to, never, tap);
  const lent = new Uint8Array(1);
  for (const letter of "abc") {
    lent[0] = letter.charCodeAt(0);
    from.consumer(lent);
  }
  from.push(null);
  from.resume();
  assertEquals(printed, ["a"], "the recorder is not asked while it wants to be waited for");
  let over = false;
  done.then(() => over = true);
  for (let turn = 0; turn < 3; turn++) {
    assertEquals(printed.length, turn + 1);
    assert(!over);
    slow[turn]?.resolve();
    await new Promise((resolve) => setTimeout(resolve));
  }
  await done;
  assertEquals([printed, text], [["a", "b", "c"], "abc"]);
});

Deno.test("a client that is gone holds nothing up, and what comes is recorded", async () => {
  const from = new PassThrough();
  const stuck = new Writable({ highWaterMark: 1, write() {} });
  const gone = Promise.withResolvers<void>();
  const printed: number[] = [];
  const done = pump(from, stuck, gone.promise, { print: (piece) => void printed.push(piece.length) });
  from.write("12345");
  from.write("678");
  gone.resolve();
  from.end("9");
  await done;
  assertEquals(printed.reduce((sum, length) => sum + length), 9);
});
