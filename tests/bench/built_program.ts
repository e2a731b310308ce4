/**
 * The product as people install it: what `deno task build` makes, unpacked and run once.
 * @module
 */
import { ROOT, run, runProgram } from "../kit/run.ts";
import type { Setting } from "./setting.ts";

export interface BuiltProgram {
  executable: string;
  env: Record<string, string>;
}

const BUILD_MS = 300_000;

async function build(setting: Setting): Promise<BuiltProgram> {
  const directory = await setting.directory();
  const args = ["run", "-A", "-q", `${ROOT}/scripts/build.ts`, `--out=${directory}`];
  const built = await run(Deno.execPath(), args, { timeoutMs: BUILD_MS });
  if (built.code !== 0) throw new Error(`the product cannot be built: ${built.stderr}`);
  const program = {
    executable: `${directory}/teleport`,
    env: { TELEPORT_RUNTIME_DIR: `${directory}/runtime` },
  };
  const first = await runProgram("teleport", ["version"], { ...program, timeoutMs: BUILD_MS });
  if (first.code !== 0) throw new Error(`the built product does not run: ${first.stderr}`);
  return program;
}

const built = new WeakMap<Setting, Promise<BuiltProgram>>();

/** The same for all measurements of a run. */
export function builtProgram(setting: Setting): Promise<BuiltProgram> {
  const program = built.get(setting) ?? build(setting);
  built.set(setting, program);
  return program;
}
