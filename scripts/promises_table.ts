/**
 * Reads the table of promises, the names of tests in a source file, and the results in a JUnit report.
 * @module
 */
import { testCases } from "./junit.ts";

/** A test a row refers to: `path > name`, where a step's name follows its test's as `test > step`. */
export interface TestReference {
  path: string;
  name: string;
}

/** One row of the table. */
export interface Promised {
  number: number;
  area: string;
  promise: string;
  provenBy: TestReference[];
}

/** A parsed table and what is wrong with it, one text a problem. */
export interface PromiseTable {
  rows: Promised[];
  problems: string[];
}

/** Test results by `path > name`: true when every run of the test passed. Ignored tests did not pass. */
export type TestResults = Map<string, boolean>;

const CELLS = /(?<!\\)\|/;
const QUOTED = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\$]|\\.)*)`/.source;
const TEST_NAME = new RegExp(
  `(?:\\bDeno\\.test(?:\\.\\w+)?|\\.step)\\(\\s*(?:\\{[^{}]*?\\bname:\\s*)?(?:${QUOTED})`,
  "g",
);

/** Reads the Markdown table; the numbers must be 1 to `count`, each once. */
export function parsePromises(markdown: string, count: number): PromiseTable {
  const rows: Promised[] = [];
  const problems: string[] = [];
  for (const line of markdown.split("\n")) {
    if (!/^\| *\d+ *\|/.test(line)) continue;
    const cells = line.trim().replace(/^\||\|$/g, "").split(CELLS).map((cell) => cell.trim());
    const [number, area, promise, proof] = cells;
    if (cells.length !== 4 || !area || !promise || !proof) {
      problems.push(`row ${number}: four filled cells are expected`);
      continue;
    }
    const provenBy: TestReference[] = [];
    for (const text of proof === "-" ? [] : proof.split("<br>")) {
      const reference = parseReference(text.trim());
      if (reference) provenBy.push(reference);
      else problems.push(`row ${number}: "${text.trim()}" is not written "path/to/x_test.ts > test name"`);
    }
    rows.push({ number: Number(number), area, promise, provenBy });
  }
  for (let number = 1; number <= count; number++) {
    const times = rows.filter((row) => row.number === number).length;
    if (times !== 1) problems.push(`row ${number}: stands in the table ${times} times instead of once`);
  }
  for (const { number } of rows) {
    if (number < 1 || number > count) problems.push(`row ${number}: the numbers end at ${count}`);
  }
  return { rows, problems };
}

/** The key of a reference in `TestResults`. */
export function keyOf({ path, name }: TestReference): string {
  return `${path} > ${name}`;
}

/** Whether a test source holds the test, or for `test > step` the test and its steps. */
export function hasTest(source: string, name: string): boolean {
  const names = testNames(source);
  return names.has(name) || (name.includes(" > ") && name.split(" > ").every((part) => names.has(part)));
}

/** Names given to `Deno.test` and `t.step` as plain literals. */
export function testNames(source: string): Set<string> {
  const found = source.matchAll(TEST_NAME);
  return new Set([...found].map((match) => (match[1] ?? match[2] ?? match[3] ?? "").replace(/\\(.)/g, "$1")));
}

/** Adds what a JUnit report says to `results`. */
export function readJunit(xml: string, results: TestResults): void {
  for (const { path, name, skipped, failure } of testCases(xml)) {
    const key = keyOf({ path, name });
    results.set(key, !skipped && failure === undefined && results.get(key) !== false);
  }
}

/** Whether a reference passed: as named, or as a step whose test the reference leaves out; undefined: did not run. */
export function outcomeOf({ path, name }: TestReference, results: TestResults): boolean | undefined {
  const whole = results.get(keyOf({ path, name }));
  if (whole !== undefined) return whole;
  const steps = [...results].filter(([key]) => key.startsWith(`${path} > `) && key.endsWith(` > ${name}`));
  return steps.length === 0 ? undefined : steps.every(([, passed]) => passed);
}

function parseReference(text: string): TestReference | undefined {
  const match = /^([\w./-]+_test\.tsx?) > (.+)$/.exec(text.replace(/^`(.*)`$/, "$1"));
  const [, path, name] = match ?? [];
  if (path === undefined || name === undefined || path.split("/").includes("..")) return undefined;
  return { path: path.replace(/^\.\//, ""), name: name.replaceAll("\\|", "|") };
}
