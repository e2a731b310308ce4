import { assertEquals } from "@std/assert";
import { RequestLine } from "./request_line.ts";

Deno.test("a request that takes time holds back those behind it, and nobody else", async () => {
  const line = new RequestLine(10);
  const served: string[] = [];
  line.add(() => void served.push("a"));
  const { promise, resolve } = Promise.withResolvers<void>();
  line.add(() => promise.then(() => void served.push("slow")));
  line.add(() => void served.push("b"));
  const last = new Promise<void>((done) => line.add(() => done()));
  assertEquals(served, ["a"]);
  resolve();
  await last;
  assertEquals(served, ["a", "slow", "b"]);
  line.add(() => void served.push("c"));
  assertEquals(served, ["a", "slow", "b", "c"]);
});

Deno.test("only so many may wait", async () => {
  const line = new RequestLine(2);
  const { promise, resolve } = Promise.withResolvers<void>();
  let served = 0;
  const count = () => void served++;
  assertEquals(line.add(() => promise), true);
  assertEquals([line.add(count), line.add(count), line.add(count)], [true, true, false]);
  resolve();
  await new Promise<void>((done) => {
    const again = () => line.add(() => done()) || queueMicrotask(again);
    again();
  });
  assertEquals(served, 2);
});

Deno.test("only so much may wait, and what was served counts no more", async () => {
  const line = new RequestLine(100);
  const served: number[] = [];
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    line.add(() => promise);
    return resolve;
  };
  const release = hold();
  const large = 200 * 1024;
  const added = [0, 1, 2].map((which) => line.add(() => void served.push(which), large));
  assertEquals(added, [true, true, false]);
  release();
  await new Promise<void>((done) => line.add(() => done()));
  assertEquals(served, [0, 1]);
  const again = hold();
  assertEquals([3, 4].map((which) => line.add(() => void served.push(which), large)), [true, true]);
  again();
  await new Promise<void>((done) => line.add(() => done()));
  assertEquals(served, [0, 1, 3, 4]);
});
