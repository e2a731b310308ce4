/**
 * From a key pressed to its echo, through a terminal session on each side.
 * @module
 */
import type { Benchmark } from "./benchmark.ts";
import { sharedCluster } from "./cluster.ts";
import { sharedSshd } from "./sshd_peer.ts";
import { openTerminal, READY, type Session } from "./route.ts";
import { atMost, row } from "./row.ts";
import { inTurn, pause, percentile } from "./statistics.ts";

const KEY = new TextEncoder().encode("k");
/** Between two keys: nobody types faster. */
const PAUSE_MS = 10;

async function press(session: Session): Promise<number> {
  await pause(PAUSE_MS);
  const start = performance.now();
  await session.write(KEY);
  const echo = await session.read();
  if (echo?.length !== KEY.length) throw new Error("a key came back as something else");
  return performance.now() - start;
}

export const keystroke: Benchmark = {
  name: "keystroke",
  about: "echo of a key in a recorded session, a program answering it",
  async run(setting) {
    const command = `stty raw -echo; printf ${READY}; exec cat`;
    const ours = await openTerminal(setting, (await sharedCluster(setting)).route, command);
    const sshd = await openTerminal(setting, (await sharedSshd(setting)).route, command);
    await inTurn(20, () => press(ours), () => press(sshd)); // the first ones warm the code up
    const all = await inTurn(setting.rounds(600, 150), () => press(ours), () => press(sshd));
    await Promise.all([ours.end(), sshd.end()]);
    const at = (share: number) => ({
      ours: [percentile(all.ours, share)],
      sshd: [percentile(all.sshd, share)],
    });
    return [
      row("keystroke echo p50", "ms", atMost(2), at(0.5)),
      row("keystroke echo p99", "ms", atMost(10), at(0.99)),
    ];
  },
};
