/**
 * `deno task fuzz --seconds=N [--target=NAME,NAME] [--seed=S] [--iteration=I] [--jobs=J]`: fuzzes each target for so long.
 * What it finds is printed and kept in tests/fuzz/corpus. Every target has a process of its own, so one that hangs is
 * found, too.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { TARGETS } from "../tests/fuzz/all.ts";
import { fuzz } from "../tests/fuzz/run_target.ts";

/** A process that says nothing for so long hangs. */
const SILENCE_MS = 30_000;
const PROGRESS_MS = 1000;

const HELP = `deno task fuzz: feeds changed inputs to every parser and every phase of the protocol

  --seconds N           how long each target is fuzzed (default: 30)
  --target NAME[,NAME]  only these
  --jobs N              so many targets at once
  --seed S              begin like an earlier run
  --iteration I         repeat one input of that run
  -h, --help            show this help

Examples:
  deno task fuzz --seconds=10
  deno task fuzz --seconds=600 --target=server_login,client_login

Targets: ${TARGETS.map(({ name }) => name).join(", ")}`;

const args = parseArgs(Deno.args, {
  string: ["target", "seed", "seconds", "jobs", "iteration", "child"],
  boolean: ["help"],
  alias: { help: "h" },
  unknown: (flag: string) => {
    console.error(`error: there is no ${flag}; see --help`);
    Deno.exit(1);
  },
});
if (args.help) {
  console.log(HELP);
  Deno.exit(0);
}
const seed = Number(args.seed ?? Math.floor(Math.random() * 2 ** 31));
const seconds = Number(args.seconds ?? 30);

async function child(name: string): Promise<void> {
  const target = TARGETS.find((one) => one.name === name);
  if (!target) throw new Error(`there is no target ${name}`);
  let told = 0;
  const { iterations, findings } = await fuzz(target, {
    seed,
    milliseconds: seconds * 1000,
    iteration: args.iteration === undefined ? undefined : Number(args.iteration),
    keeps: true,
    progress(iteration) {
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      console.log(`at ${iteration}`);
    },
  });
  for (const { where, what, file } of findings) {
    console.log(`found ${name} (${where}${file ? `, ${file}` : ""}):\n${what}\n`);
  }
  console.log(`end ${name}: ${iterations} iterations, ${findings.length} findings`);
  Deno.exit(findings.length > 0 ? 1 : 0);
}

/** @returns false when something was found */
async function parent(name: string): Promise<boolean> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "-q", "--no-check", "--unstable-kv", "--unstable-worker-options"],
      ...[import.meta.filename ?? "", ...Deno.args, `--seed=${seed}`, `--child=${name}`],
    ],
    stdout: "piped",
  }).spawn();
  let last = "nothing yet";
  let silence = setTimeout(() => process.kill("SIGKILL"), SILENCE_MS);
  for await (const piece of process.stdout.pipeThrough(new TextDecoderStream())) {
    clearTimeout(silence);
    silence = setTimeout(() => process.kill("SIGKILL"), SILENCE_MS);
    last = /at (\d+)\n$/.exec(piece)?.[1] ?? last;
    const rest = piece.replace(/^at \d+\n/gm, "");
    if (rest) console.log(rest.trimEnd());
  }
  clearTimeout(silence);
  const { success, signal } = await process.status;
  if (signal) console.log(`found ${name}: it hung or died at --seed=${seed} after --iteration=${last}`);
  return success;
}

if (typeof args.child === "string") await child(args.child);
const names = typeof args.target === "string" ? args.target.split(",") : TARGETS.map(({ name }) => name);
console.log(`--seed=${seed}`);
const waiting = [...names];
let good = true;
const worker = async () => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    good = await parent(name) && good;
  }
};
await Promise.all(Array.from({ length: Number(args.jobs ?? 1) }, worker));
Deno.exit(good ? 0 : 1);
