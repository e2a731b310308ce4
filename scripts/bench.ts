/**
 * `deno task bench`: measures the product beside OpenSSH's sshd on this machine and prints a table with the goals.
 *
 * Usage: `deno task bench [--only NAME[,NAME]] [--quick] [--json FILE] [-v] [--help]`. The exit code is 0 unless
 * something could not run; a goal that is missed is no failure.
 * @module
 */
import { parseArgs } from "node:util";
import { table } from "../cli/output.ts";
import { messageOf } from "../src/base/errors.ts";
import { BENCHMARKS } from "../tests/bench/all.ts";
import type { Benchmark } from "../tests/bench/benchmark.ts";
import type { Row } from "../tests/bench/row.ts";
import { Setting } from "../tests/bench/setting.ts";
import { withPlainShell } from "../tests/kit/plain_shell.ts";
import { SSHD } from "../tests/bench/sshd_peer.ts";

const HELP = `deno task bench: measures the product beside sshd on this machine

  --only NAME[,NAME]  run only these
  --quick             fewer repetitions, less data
  --json FILE         write the rows into this file
  -v, --verbose       show the lowest and highest measurement of each row
  -h, --help          show this help

Names:
${BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(18)}  ${about}`).join("\n")}`;

async function main(args: string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) return 1;
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const chosen = choose(options.only);
  if (chosen === undefined) return 1;
  if (!await isThere(SSHD)) {
    console.error(`${SSHD} is missing: install the package openssh-server (apt-get install openssh-server)`);
    return 1;
  }
  const code = await withPlainShell("scripts/bench.ts", args);
  if (code !== undefined) return code;
  await keepModuleCache();
  const { rows, failed } = await measure(chosen, options.quick);
  console.log(await format(rows, options.verbose));
  if (options.json) {
    await Deno.writeTextFile(options.json, `${JSON.stringify(rows.map(plain), undefined, 2)}\n`);
  }
  return failed ? 1 : 0;
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        json: { type: "string" },
        verbose: { type: "boolean", short: "v", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // parseArgs tells wrong usage so
    console.error(`${error.message}; --help shows the options`);
    return undefined;
  }
}

function choose(only: string | undefined): Benchmark[] | undefined {
  if (only === undefined) return [...BENCHMARKS];
  const names = only.split(",");
  const unknown = names.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown.length === 0) return BENCHMARKS.filter(({ name }) => names.includes(name));
  console.error(`there is no benchmark ${unknown.join(", ")}; --help lists them`);
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The programs under test run with homes of their own; without this each would load its modules anew. */
async function keepModuleCache(): Promise<void> {
  if (Deno.env.has("DENO_DIR")) return;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  Deno.env.set("DENO_DIR", JSON.parse(new TextDecoder().decode(stdout)).denoDir);
}

async function measure(chosen: Benchmark[], quick: boolean): Promise<{ rows: Row[]; failed: boolean }> {
  await using setting = new Setting(quick);
  const interrupt = async () => {
    console.error("interrupted; cleaning up");
    await setting[Symbol.asyncDispose]().finally(() => Deno.exit(130));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupt);
  const rows: Row[] = [];
  let failed = false;
  for (const { name, about, run } of chosen) {
    console.error(`${name}: ${about}`);
    const start = performance.now();
    try {
      rows.push(...await run(setting));
      console.error(`${name}: ${Math.round((performance.now() - start) / 1000)} s`);
    } catch (error) {
      failed = true;
      console.error(`${name} could not run: ${messageOf(error)}`);
    }
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, interrupt);
  return { rows, failed };
}

async function format(rows: readonly Row[], verbose: boolean): Promise<string> {
  const heads = ["name", "unit", "ours", "sshd", "ratio", "goal", "met"];
  const range = (pair: [number, number] | undefined) => pair?.map(number).join(" - ") ?? "";
  const lines = rows.map(({ name, unit, ours, sshd, ratio, goal, met, spread }) => {
    const cells = [name, unit, number(ours), number(sshd), number(ratio), goal, met ? "yes" : "no"];
    return verbose ? [...cells, range(spread.ours), range(spread.sshd)] : cells;
  });
  return await table(verbose ? [...heads, "ours min-max", "sshd min-max"] : heads, lines);
}

/** About three significant digits. */
function number(value: number | undefined): string {
  if (value === undefined) return "";
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 10
    ? value.toFixed(1)
    : value.toFixed(2);
}

function plain({ name, unit, ours, sshd, ratio, goal, met }: Row) {
  return { name, unit, ours, sshd: sshd ?? null, ratio: ratio ?? null, goal, met };
}

if (import.meta.main) Deno.exit(await main(Deno.args));
