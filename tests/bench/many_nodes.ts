/**
 * A cluster of a thousand nodes: what their announcements cost the auth server, and how long listing them takes.
 * @module
 */
import { LOGIN } from "../kit/machine.ts";
import { ROOT } from "../kit/run.ts";
import type { Benchmark } from "./benchmark.ts";
import { cpuShare } from "./processes.ts";
import { atMost, row } from "./row.ts";
import { pause } from "./statistics.ts";
import { timeTool } from "./tools.ts";

const NODES = 1000;
const TOKEN = "a-join-token-of-the-benchmark-only";
/** A little more than the interval of announcements: each node speaks once or twice. */
const WATCH_MS = 60_000;

/** What announcing_nodes.ts reads from its standard input. */
export interface Announcing {
  port: number;
  token: string;
  nodes: number;
}

export const manyNodes: Benchmark = {
  name: "many-nodes",
  about: `${NODES} nodes announcing on one auth server, and \`tsh ls\` of them`,
  async run(setting) {
    const daemon = await setting.daemon({
      args: ["--roles=auth,proxy"],
      auth: { tokens: [`node:${TOKEN}`] },
    });
    await daemon.ready();
    const user = await daemon.user("bench", [LOGIN]);
    await user.loginOk();
    const { auth } = await daemon.addresses();
    const script = new URL("announcing_nodes.ts", import.meta.url).pathname;
    const { process, end } = setting.spawn(
      Deno.execPath(),
      ["run", "-A", "-q", "--no-lock", `--config=${ROOT}/deno.json`, script],
      { stdin: "piped", stdout: "piped", stderr: "inherit" },
    );
    const writer = process.stdin.getWriter();
    const task: Announcing = { port: auth?.port ?? 0, token: TOKEN, nodes: NODES };
    await writer.write(new TextEncoder().encode(JSON.stringify(task)));
    await writer.close();
    const reader = process.stdout.getReader();
    const { done } = await reader.read(); // it prints a line when all have announced themselves
    if (done) throw new Error("the announcing nodes ended early");
    await pause(3000);
    const cpu = await cpuShare([await daemon.pid()], setting.quick ? WATCH_MS / 3 : WATCH_MS);
    const times: number[] = [];
    for (let round = 0; round < setting.rounds(5, 2); round++) {
      times.push(
        await timeTool(async () => {
          const result = await user.tsh(["ls"]);
          if (result.stdout.split("\n").length < NODES) throw new Error("not all nodes are listed");
          return result;
        }),
      );
    }
    await end();
    await reader.cancel();
    await daemon.stop();
    return [
      row(`${NODES} nodes announcing`, "% of a core", atMost(15), { ours: [cpu] }),
      row(`tsh ls of ${NODES} nodes`, "ms", atMost(300), { ours: times }),
    ];
  },
};
