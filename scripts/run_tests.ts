/**
 * `deno task test`: everything a change must pass: the checks, all tests, the list of promises. Installs what the tests
 * need from Debian where it can, and names it elsewhere. Arguments go to `deno test`.
 * @module
 */
import { withPlainShell } from "../tests/kit/plain_shell.ts";
import { buildUi } from "./build_ui.ts";
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

const ROOT = new URL("../", import.meta.url).pathname;
const REPORT = `${ROOT}artifacts/tests.xml`;

async function run(args: string[]): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null" });
  return (await command.spawn().status).success;
}

/** The numbers of the closing line, out of the JUnit report. */
function count(report: string): { passed: number; failed: number; skipped: number } {
  const suites = /<testsuites [^>]*\btests="(\d+)"[^>]*\bfailures="(\d+)"[^>]*\berrors="(\d+)"/.exec(report);
  const skipped = report.match(/<skipped/g)?.length ?? 0;
  const [tests = 0, failures = 0, errors = 0] = (suites ?? []).slice(1).map(Number);
  return { passed: tests - failures - errors - skipped, failed: failures + errors, skipped };
}

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
await Deno.mkdir(`${ROOT}artifacts`, { recursive: true });
const checked = await run(["run", "-A", "-q", "scripts/check.ts"]);
const tests = await run(["test", "-A", "--quiet", "--no-check", `--junit-path=${REPORT}`, ...Deno.args]);
const promises = Deno.args.length > 0 ||
  await run(["run", "-A", "-q", "scripts/promises.ts", "--from-junit", REPORT]);
const { passed, failed, skipped } = count(await Deno.readTextFile(REPORT));
if (!checked) console.error("the checks failed: deno task check");
if (!promises) console.error("a promise names a test that is missing or failed: deno task promises");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(checked && tests && promises ? 0 : 1);
