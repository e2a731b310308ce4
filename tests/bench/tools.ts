/**
 * The command line tools from start to end, run from the sources.
 * @module
 */
import type { Result } from "../kit/run.ts";
import type { Benchmark } from "./benchmark.ts";
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
    const tsh: number[] = [];
    const tctl: number[] = [];
    await user.tsh(["ls"]);
    await daemon.tctl("status");
    for (let round = 0; round < setting.rounds(10, 4); round++) {
      tsh.push(await timeTool(() => user.tsh(["ls"])));
      tctl.push(await timeTool(() => daemon.tctl("status")));
    }
    return [
      row("tsh ls", "ms", atMost(150), { ours: tsh }),
      row("tctl status", "ms", atMost(150), { ours: tctl }),
    ];
  },
};
