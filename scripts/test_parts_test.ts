import { assert, assertEquals } from "@std/assert";
import { runParts, testParts } from "./test_parts.ts";

const ROOT = new URL("../", import.meta.url).pathname;

async function testFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(`${ROOT}${folder}`)) {
    if (isDirectory) found.push(...await testFiles(`${folder}/${name}`));
    else if (isFile && /_test\.tsx?$/.test(name)) found.push(`${folder}/${name}`);
  }
  return found;
}

Deno.test("every test is in exactly one part", async () => {
  const parts = await testParts(ROOT);
  const all = [...await testFiles("cli"), ...await testFiles("scripts"), ...await testFiles("src")];
  all.push(...await testFiles("tests"));
  for (const file of all) {
    const homes = parts.flat().filter((place) => file === place || file.startsWith(`${place}/`));
    assertEquals(homes.length, 1, file);
  }
});

Deno.test("so many parts run at once, all of them do, and one failure is a failure", async () => {
  let running = 0;
  let most = 0;
  const done: string[] = [];
  const outcome = await runParts([["a"], ["b"], ["c"], ["d"]], 2, async ([name = ""]) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done.push(name);
    return name !== "c";
  });
  assertEquals([outcome, most, done.toSorted()], [false, 2, ["a", "b", "c", "d"]]);
  assert(await runParts([["a"]], 2, () => Promise.resolve(true)));
});
