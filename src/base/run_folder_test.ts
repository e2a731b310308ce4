import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { RunFolder } from "./run_folder.ts";

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
}

Deno.test("what a run leaves is adopted by another one, what a live run has is not", async () => {
  const root = await Deno.makeTempDir();
  const clock = new FakeClock();
  try {
    const first = await RunFolder.open(root);
    const second = await RunFolder.open(root);
    await Deno.writeTextFile(`${first.path}/events`, "left");
    await Deno.mkdir(`${second.path}/recordings`);
    const adopted: string[] = [];
    const third = await RunFolder.open(root);
    const { promise: taken, resolve } = Promise.withResolvers<void>();
    await third.adopt(clock, async (path) => {
      adopted.push(path);
      await Deno.remove(`${path}/events`);
      resolve();
    }, () => {});
    assertEquals(adopted, []);
    await second.close();
    assertEquals((await names(root)).length, 2, "an ended run with nothing in its folder leaves none");
    await first.close();
    await clock.advance(5000);
    await taken;
    assertEquals(adopted, [first.path]);
    await third.close();
    assertEquals(await names(root), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a folder that cannot be dealt with stays as it is, and is told", async () => {
  const root = await Deno.makeTempDir();
  const clock = new FakeClock();
  try {
    const first = await RunFolder.open(root);
    await Deno.writeTextFile(`${first.path}/events`, "left");
    await first.close();
    const second = await RunFolder.open(root);
    const { promise: told, resolve } = Promise.withResolvers<string>();
    await second.adopt(clock, () => Promise.reject(new Error("broken")), resolve);
    assertEquals((await told).includes("broken"), true);
    await second.close();
    assertEquals(await names(first.path), ["events", "lock"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
