/**
 * The command line tools of the built program, from start to end.
 * @module
 */
import { type Result, runProgram } from "../kit/run.ts";
import type { Benchmark } from "./benchmark.ts";
import { builtProgram } from "./built_program.ts";
import { sharedCluster } from "./cluster.ts";
import { atMost, row } from "./row.ts";

/** Runs a tool that must succeed. @returns milliseconds */
export async function timeTool(tool: () => Promise<Result>): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await tool();
  if (code !== 0) throw new Error(`a tool failed: ${stderr.trim()}`);
  return performance.now() - start;
}

export const tools: Benchmark = {
  name: "tools",
  about: "`tsh ls` and `tctl status` on a local cluster",
  async run(setting) {
    const { daemon, user } = await sharedCluster(setting);
    const program = await builtProgram(setting);
    const list = () => user.tsh(["ls"], program);
    const status = () =>
      runProgram("tctl", ["-c", daemon.configFile, "status"], {
        ...program,
        env: { ...program.env, HOME: daemon.directory },
      });
    const tsh: number[] = [];
    const tctl: number[] = [];
    await timeTool(list); // the first of each fills the runtime's caches
    await timeTool(status);
    for (let round = 0; round < setting.rounds(10, 4); round++) {
      tsh.push(await timeTool(list));
      tctl.push(await timeTool(status));
    }
    return [
      row("tsh ls", "ms", atMost(150), { ours: tsh }),
      row("tctl status", "ms", atMost(150), { ours: tctl }),
    ];
  },
};
