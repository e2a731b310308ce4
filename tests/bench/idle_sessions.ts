/**
 * Many terminal sessions in which nothing happens: memory and processor time while they are open, memory after.
 * @module
 */
import type { Benchmark } from "./benchmark.ts";
import { sharedSshd } from "./sshd_peer.ts";
import { startCluster } from "./cluster.ts";
import { cpuShare, residentMemory, sharedMemory } from "./processes.ts";
import { openTerminal, READY, type Route, type Session } from "./route.ts";
import { atMost, row } from "./row.ts";
import { RESTED_MS, type Setting } from "./setting.ts";
import { inParallel, pause } from "./statistics.ts";

const SESSIONS = 100;
const STARTING_AT_ONCE = 8;

/** What a server uses, in MB and percent of a core. */
interface Use {
  memory: number;
  cpu: number;
  left: number;
}

interface Server {
  route: Route;
  memory(): Promise<number>;
  processes(): Promise<number[]>;
}

async function measure(setting: Setting, server: Server): Promise<Use> {
  const settle = setting.rounds(10_000, 4000);
  const open = () => openTerminal(setting, server.route, `printf ${READY}; exec cat`);
  await (await open()).end(); // what the first session loads stays
  await pause(RESTED_MS);
  const idle = await server.memory();
  const sessions: Session[] = [];
  await inParallel(SESSIONS, STARTING_AT_ONCE, async () => void sessions.push(await open()));
  await pause(settle / 2);
  const memory = await server.memory() - idle;
  await pause(RESTED_MS);
  const cpu = await cpuShare(await server.processes(), settle);
  await inParallel(SESSIONS, STARTING_AT_ONCE, async (index) => await sessions[index]?.end());
  await pause(RESTED_MS);
  return { memory, cpu, left: await server.memory() - idle };
}

export const idleSessions: Benchmark = {
  name: "idle-sessions",
  about: `${SESSIONS} idle recorded terminal sessions`,
  async run(setting) {
    const { daemon, route } = await startCluster(setting); // one that has done nothing yet
    const pid = await daemon.pid();
    const ours = await measure(setting, {
      route,
      memory: () => residentMemory(pid),
      processes: () => Promise.resolve([pid]),
    });
    await daemon.stop();
    const peer = await sharedSshd(setting);
    const sshd = await measure(setting, {
      route: peer.route,
      memory: async () => await sharedMemory(await peer.processes()),
      processes: () => peer.processes(),
    });
    const both = (of: (use: Use) => number) => ({ ours: [of(ours)], sshd: [of(sshd)] });
    const name = `${SESSIONS} idle sessions`;
    return [
      row(`${name}: memory`, "MB", atMost(60), both(({ memory }) => memory)),
      row(`${name}: processor`, "% of a core", atMost(1), both(({ cpu }) => cpu)),
      row(`${name}: memory after`, "MB", atMost(20), both(({ left }) => left)),
    ];
  },
};
