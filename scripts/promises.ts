/**
 * `deno task promises`: checks that every promise in tests/promises.md is proven by tests that exist and pass.
 *
 * Usage: `deno task promises [--list] [--from-junit FILE...]`. `--list` prints the open rows and runs nothing;
 * `--from-junit` takes the results of a finished run in place of running the tests.
 * @module
 */
import {
  hasTest,
  keyOf,
  outcomeOf,
  parsePromises,
  type Promised,
  readJunit,
  type TestReference,
  type TestResults,
} from "./promises_table.ts";

const TABLE = "tests/promises.md";
const COUNT = 319;
const ROOT = new URL("..", import.meta.url);

interface Options {
  list: boolean;
  junitFiles: string[];
}

/** Runs the command; gives the exit code. */
async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) return 1;
  const { rows, problems } = parsePromises(await Deno.readTextFile(new URL(TABLE, ROOT)), COUNT);
  if (options.list) {
    for (const { number, area, promise } of rows.filter(isOpen)) {
      console.log(`${number}\t${area}\t${promise}`);
    }
    console.log(`${rows.filter(isOpen).length} of ${COUNT} promises open`);
    return 0;
  }
  const missing = await findMissing(rows);
  const results = options.junitFiles.length > 0
    ? await readReports(options.junitFiles)
    : await runTests(rows, missing);
  let proven = 0;
  for (const row of rows) {
    const broken = row.provenBy.flatMap((reference) => {
      const fault = missing.get(keyOf(reference)) ?? faultOf(reference, results);
      return fault === undefined ? [] : [`row ${row.number}: ${keyOf(reference)}: ${fault}`];
    });
    problems.push(...broken);
    if (!isOpen(row) && broken.length === 0) proven++;
  }
  for (const problem of problems) console.error(problem);
  console.log(`${proven} of ${COUNT} promises proven`);
  return problems.length === 0 ? 0 : 1;
}

function parseOptions(args: string[]): Options | undefined {
  const options: Options = { list: false, junitFiles: [] };
  let wantsFiles = false;
  for (const arg of args) {
    if (arg === "--list") options.list = true;
    else if (arg === "--from-junit") wantsFiles = true;
    else if (wantsFiles && !arg.startsWith("-")) options.junitFiles.push(arg);
    else {
      console.error(`unknown argument "${arg}"; usage: deno task promises [--list] [--from-junit FILE...]`);
      return undefined;
    }
  }
  if (!wantsFiles || options.junitFiles.length > 0) return options;
  console.error("--from-junit needs the name of a report");
  return undefined;
}

/** References whose file or test does not exist, with the reason, by their key. */
async function findMissing(rows: Promised[]): Promise<Map<string, string>> {
  const missing = new Map<string, string>();
  const sources = new Map<string, string | undefined>();
  for (const reference of rows.flatMap((row) => row.provenBy)) {
    if (!sources.has(reference.path)) sources.set(reference.path, await readIfThere(reference.path));
    const source = sources.get(reference.path);
    if (source === undefined) missing.set(keyOf(reference), "there is no such file");
    else if (!hasTest(source, reference.name)) {
      missing.set(keyOf(reference), "the file has no test of that name");
    }
  }
  return missing;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(new URL(path, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function faultOf(reference: TestReference, results: TestResults): string | undefined {
  const outcome = outcomeOf(reference, results);
  if (outcome === undefined) return "the test did not run";
  return outcome ? undefined : "the test failed or is ignored";
}

async function readReports(files: string[]): Promise<TestResults> {
  const results: TestResults = new Map();
  for (const file of files) readJunit(await Deno.readTextFile(file), results);
  return results;
}

/** Runs the test files that the table names; their output goes to stderr only when something failed. */
async function runTests(rows: Promised[], missing: ReadonlyMap<string, string>): Promise<TestResults> {
  const references = rows.flatMap((row) => row.provenBy).filter((reference) =>
    !missing.has(keyOf(reference))
  );
  const files = [...new Set(references.map(({ path }) => path))];
  if (files.length === 0) return new Map();
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...files],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) {
      await Deno.stderr.write(stdout);
      await Deno.stderr.write(stderr);
    }
    return await readReports([report]);
  } finally {
    await Deno.remove(report);
  }
}

function isOpen(row: Promised): boolean {
  return row.provenBy.length === 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
