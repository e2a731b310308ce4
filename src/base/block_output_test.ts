import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Writable } from "node:stream";
import { BlockOutput } from "./block_output.ts";

/** A stream that keeps copies of its writes; those wait until released. */
class Held extends Writable {
  readonly writes: string[] = [];
  #done: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString());
    this.#done = done;
  }

  release(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }
}

function put(output: BlockOutput, text: string): void {
  const piece = output.alloc(text.length);
  piece.write(text);
  output.commit(piece);
}

Deno.test("what is put in one turn leaves in one write", async () => {
  const stream = new Held();
  const written: number[] = [];
  const output = new BlockOutput(stream, (bytes) => written.push(bytes));
  for (const text of ["a", "bc", "def"]) put(output, text);
  assertEquals(stream.writes, []);
  await Promise.resolve();
  assertEquals(stream.writes, ["abcdef"]);
  assertEquals(written, [6]);
});

Deno.test("a piece that is never finished leaves no gap, and a foreign one keeps its place", () => {
  const stream = new Held({ highWaterMark: 1 });
  const output = new BlockOutput(stream);
  put(output, "a");
  output.alloc(10).fill("x");
  put(output, "b");
  output.commit(Buffer.from("c"));
  put(output, "d");
  output.flush();
  for (let i = 0; i < 5; i++) stream.release();
  assertEquals(stream.writes.join(""), "abcd");
});

Deno.test("more than a block holds leaves in order, and says when the stream has enough", () => {
  const stream = new Held({ highWaterMark: 1024 });
  const output = new BlockOutput(stream);
  const text = Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(97 + i % 26)).join("");
  const accepted = Array.from({ length: 4 }, () => output.append(Buffer.from(text)));
  output.flush();
  for (let i = 0; i < 50; i++) stream.release();
  assertEquals(stream.writes.join(""), text.repeat(4));
  assertEquals(accepted.at(-1), false);
});

Deno.test("after the end nothing is written", async () => {
  const stream = new Held();
  const output = new BlockOutput(stream);
  stream.destroy();
  put(output, "late");
  await Promise.resolve();
  assertEquals(stream.writes, []);
});
