import { assertEquals } from "@std/assert";
import {
  hasTest,
  outcomeOf,
  parsePromises,
  readJunit,
  testNames,
  type TestResults,
} from "./promises_table.ts";

const HEAD = "# Promises\n\n| # | Area | Promise | Proven by |\n|---|---|---|---|\n";

Deno.test("parsePromises reads rows with none, one and several references", () => {
  const { rows, problems } = parsePromises(
    `${HEAD}| 1 | A | a \\| b | - |\n| 2 | B | b | x_test.ts > one |\n| 3 | C | c | src/x_test.ts > a > b<br>y_test.ts > two |\n`,
    3,
  );
  assertEquals(problems, []);
  assertEquals(rows.map(({ provenBy }) => provenBy), [
    [],
    [{ path: "x_test.ts", name: "one" }],
    [{ path: "src/x_test.ts", name: "a > b" }, { path: "y_test.ts", name: "two" }],
  ]);
});

Deno.test("parsePromises reports missing, doubled and strange rows", () => {
  const { problems } = parsePromises(
    `${HEAD}| 1 | A | a | nonsense |\n| 1 | A | a | - |\n| 3 | A | a |\n| 4 | A | a | ../x_test.ts > b |\n`,
    3,
  );
  assertEquals(problems, [
    'row 1: "nonsense" is not written "path/to/x_test.ts > test name"',
    "row 3: four filled cells are expected",
    'row 4: "../x_test.ts > b" is not written "path/to/x_test.ts > test name"',
    "row 1: stands in the table 2 times instead of once",
    "row 2: stands in the table 0 times instead of once",
    "row 3: stands in the table 0 times instead of once",
    "row 4: the numbers end at 3",
  ]);
});

Deno.test("testNames finds tests, option objects and steps", () => {
  // The pieces are joined so that this file's own names are not found in it.
  const source = [
    "Deno.test",
    '("say \\"hi\\"", () => {});\nDeno.test',
    "({\n  ignore: true,\n  name: 'obj',\n});\nawait t.step",
    "(`deep`, fn);\nDeno.test",
    "(named);",
  ].join("");
  assertEquals([...testNames(source)], ['say "hi"', "obj", "deep"]);
  assertEquals([hasTest(source, "obj > deep"), hasTest(source, "obj > flat"), hasTest(source, "ob")], [
    true,
    false,
    false,
  ]);
});

Deno.test("readJunit tells passed, failed, ignored and absent tests apart", () => {
  const results: TestResults = new Map();
  readJunit(
    `<testsuites><testsuite name="./a_test.ts">
      <testcase name="plain" classname="./a_test.ts" time="0.1" line="1" col="6">
      </testcase>
      <testcase name="self" classname="./a_test.ts"/>
      <testcase name="a &quot;b&quot; &lt;&#99;&gt;" classname="./a_test.ts"></testcase>
      <testcase name="off" classname="./a_test.ts"><skipped/></testcase>
      <testcase name="bad" classname="./a_test.ts"><failure message="1">x</failure></testcase>
      <testcase name="bad &gt; step" classname="./a_test.ts"><failure message="1">x</failure></testcase>
      <testcase name="plain &gt; fine" classname="./a_test.ts"></testcase>
    </testsuite></testsuites>`,
    results,
  );
  const outcome = (name: string) => outcomeOf({ path: "a_test.ts", name }, results);
  const names = [
    "plain",
    "self",
    'a "b" <c>',
    "off",
    "bad",
    "bad > step",
    "step",
    "fine",
    "plain > fine",
    "none",
  ];
  assertEquals(names.map(outcome), [true, true, true, false, false, false, false, true, true, undefined]);
});

Deno.test("a test that passed once and failed once did not pass", () => {
  const results: TestResults = new Map();
  const passed = '<testcase name="a" classname="./a_test.ts"></testcase>';
  const failed = '<testcase name="a" classname="./a_test.ts"><failure>x</failure></testcase>';
  readJunit(passed, results);
  readJunit(failed + passed, results);
  assertEquals(outcomeOf({ path: "a_test.ts", name: "a" }, results), false);
});

Deno.test("the table of this project has every number once", async () => {
  const table = await Deno.readTextFile(new URL("../tests/promises.md", import.meta.url));
  const { rows, problems } = parsePromises(table, 319);
  assertEquals(problems, []);
  assertEquals(rows.length, 319);
});
