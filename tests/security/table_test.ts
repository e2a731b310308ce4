/**
 * The table of past holes names tests that are there.
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";

const TESTS = new URL("../", import.meta.url);

/** The tests that the table names, by file. A name in the table may be the beginning of a name. */
function namedTests(table: string): { file: string; name: string }[] {
  const rows = table.split("\n").filter((line) => /^\| .*`[^`]+_test\.ts`/.test(line));
  return rows.flatMap((row) =>
    [...row.matchAll(/`([^`]+_test\.ts)`: ((?:"[^"]+"(?:; )?)+)/g)].flatMap(([, file = "", names = ""]) =>
      [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => ({ file, name }))
    )
  );
}

Deno.test("every test that the table of past holes names exists", async () => {
  const table = await Deno.readTextFile(new URL("./README.md", import.meta.url));
  const named = namedTests(table);
  assertGreater(named.length, 50);
  const rows = table.split("\n").filter((line) => /^\| (?!Hole|---)/.test(line));
  assertEquals(rows.filter((row) => namedTests(row).length === 0), [], "a row without a test");
  const missing: string[] = [];
  for (const { file, name } of named) {
    const source = await Deno.readTextFile(new URL(file, TESTS));
    const begins = [`Deno.test("${name}`, `Deno.test(\`${name}`].some((start) => source.includes(start));
    if (!begins) missing.push(`${file}: ${name}`);
  }
  assertEquals(missing, []);
});
