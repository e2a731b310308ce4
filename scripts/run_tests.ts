/**
 * `deno task test`: everything a change must pass: the checks, all tests, the list of promises. Installs what the tests
 * need from Debian where it can, and names it elsewhere. Arguments go to `deno test`.
 * @module
 */
import { writeAll } from "../src/base/files.ts";
import { withPlainShell } from "../tests/kit/plain_shell.ts";
import { buildUi } from "./build_ui.ts";
import { testCases } from "./junit.ts";
import {
  ANSIBLE,
  CHROMIUM,
  CURL,
  ensure,
  ETCD,
  ETCDCTL,
  FISH,
  GIT,
  JAVA,
  PROCPS,
  RSYNC,
  SFTP_SERVER,
  SSH,
  SSH_AUDIT,
  SSHD,
  XAUTH,
  ZBAR,
  ZSH,
} from "./prerequisites.ts";
import { runParts, testParts } from "./test_parts.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const ARTIFACTS = `${ROOT}artifacts`;
/** More would starve each other: a cluster is four busy threads while it starts. */
const AT_ONCE = 2;

async function run(args: string[]): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null" });
  return (await command.spawn().status).success;
}

let printing = Promise.resolve();

/** Runs tests, and shows what they print: at once, or when they are done. */
async function runTests(args: string[], report: string, atOnce: boolean): Promise<boolean> {
  const all = ["test", "-A", "--quiet", "--no-check", `--junit-path=${report}`, ...args];
  if (atOnce) return await run(all);
  const command = new Deno.Command(Deno.execPath(), {
    args: all,
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  // One after the other: another part may be done at the same moment.
  printing = printing.then(() => writeAll(Deno.stdout, stderr)).then(() => writeAll(Deno.stdout, stdout));
  await printing;
  return success;
}

/** Of a test that failed because a step did, that step tells. */
const STEP_FAILED = /^\d+ test steps? failed/;

const again = await withPlainShell("scripts/run_tests.ts", Deno.args);
if (again !== undefined) Deno.exit(again);
/** Tests that use one of these are skipped without it, and say so. */
const optional = await ensure([
  CHROMIUM,
  ZBAR,
  RSYNC,
  GIT,
  CURL,
  XAUTH,
  ANSIBLE,
  SSH_AUDIT,
  ZSH,
  FISH,
  ETCD,
  ETCDCTL,
  JAVA,
]);
if (optional.length > 0) {
  console.error(`not installed, so that their tests are skipped: ${optional.join(", ")}`);
}
const missing = await ensure([SSH, SSHD, SFTP_SERVER, PROCPS]);
if (missing.length > 0) {
  console.error(`the tests need the packages ${missing.join(", ")}: install them and run this again`);
  Deno.exit(1);
}
await buildUi();
await Deno.mkdir(ARTIFACTS, { recursive: true });
const checked = await run(["run", "-A", "-q", "scripts/check.ts"]);
const whole = Deno.args.length === 0;
const parts = whole ? await testParts(ROOT) : [Deno.args];
const reportOf = (index: number) => `${ARTIFACTS}/tests-${index + 1}.xml`;
const tests = await runParts(parts, AT_ONCE, (part, index) => runTests(part, reportOf(index), !whole));
const reports = parts.map((_, index) => reportOf(index));
const promises = !whole ||
  await run(["run", "-A", "-q", "scripts/promises.ts", "--from-junit", ...reports]);
const cases = (await Promise.all(reports.map((file) => Deno.readTextFile(file).catch(() => "")))).flatMap(
  testCases,
);
const failures = cases.filter(({ failure }) => failure !== undefined);
const skipped = cases.filter((each) => each.skipped).length;
const passed = cases.length - failures.length - skipped;
// Again, at the end, where nobody has to look for it.
for (const { path, line, name, failure = "" } of failures) {
  if (!STEP_FAILED.test(failure)) console.error(`\nFAILED ${path}:${line} ${name}\n${failure}`);
}
if (!tests && failures.length === 0) console.error("some of the tests did not run to their end: see above");
if (!checked) console.error("the checks failed: deno task check");
if (!promises) console.error("a promise names a test that is missing or failed: deno task promises");
console.log(`${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(checked && tests && promises ? 0 : 1);
