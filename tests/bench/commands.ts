/**
 * Short commands: one after the other, and many at once.
 * @module
 */
import type { Benchmark } from "./benchmark.ts";
import { sharedCluster } from "./cluster.ts";
import { sharedSshd } from "./sshd_peer.ts";
import { type Route, timeCommand } from "./route.ts";
import { ratioAtLeast, ratioAtMost, row } from "./row.ts";
import { inTurn } from "./statistics.ts";

const COMMAND = "true";
const AT_ONCE = 50;

export const oneCommand: Benchmark = {
  name: "exec",
  about: "`ssh node true` through the proxy",
  async run(setting) {
    const { route: ours } = await sharedCluster(setting);
    const { route: sshd } = await sharedSshd(setting);
    for (const warm of [ours, sshd, ours, sshd]) await timeCommand(warm, COMMAND);
    const measured = await inTurn(
      setting.rounds(30, 8),
      () => timeCommand(ours, COMMAND),
      () => timeCommand(sshd, COMMAND),
    );
    return [row("exec p50", "ms", ratioAtMost(0.35), measured)];
  },
};

/** Sessions a second when `AT_ONCE` start together. */
async function burst(route: Route): Promise<number> {
  const start = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, () => timeCommand(route, COMMAND)));
  return AT_ONCE / ((performance.now() - start) / 1000);
}

export const manyCommands: Benchmark = {
  name: "burst",
  about: `${AT_ONCE} sessions \`true\` at once`,
  async run(setting) {
    const { route: ours } = await sharedCluster(setting);
    const { route: sshd } = await sharedSshd(setting);
    const measured = await inTurn(setting.rounds(5, 2), () => burst(ours), () => burst(sshd));
    return [row(`${AT_ONCE} sessions at once`, "/s", ratioAtLeast(3), measured)];
  },
};
