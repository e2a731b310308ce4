/**
 * Starting the built program's daemon, with and without data, and what it uses when it then has nothing to do.
 * @module
 */
import { callWeb } from "../../cli/tsh/web.ts";
import { isAppError } from "../../src/base/errors.ts";
import { freePort } from "../kit/machine.ts";
import type { Benchmark } from "./benchmark.ts";
import { builtProgram } from "./built_program.ts";
import { cpuShare, residentMemory } from "./processes.ts";
import { atMost, row } from "./row.ts";
import { RESTED_MS, type Setting } from "./setting.ts";
import { pause } from "./statistics.ts";

const POLL_MS = 5;
const DEADLINE_MS = 30_000;

/** Starts a daemon with all roles. @returns it, and the milliseconds until it answered the first ping */
async function startUntilPing(setting: Setting, directory: string) {
  const program = await builtProgram(setting);
  const port = freePort();
  const start = performance.now();
  const daemon = await setting.daemon({
    ...program,
    directory,
    proxy: { web_listen_addr: `127.0.0.1:${port}` },
  });
  for (;;) {
    try {
      await callWeb({ host: "127.0.0.1", port, insecure: true }, "GET", "/webapi/ping");
      return { daemon, elapsed: performance.now() - start };
    } catch (error) {
      if (!isAppError(error, "unavailable") || performance.now() - start > DEADLINE_MS) throw error;
      await pause(POLL_MS); // nobody listens yet
    }
  }
}

/** The first start fills the runtime's caches. */
async function startOnce(setting: Setting): Promise<void> {
  const { daemon } = await startUntilPing(setting, await setting.directory());
  await daemon.ready();
  await daemon.stop();
}

export const daemonStart: Benchmark = {
  name: "start",
  about: "start of all roles to the first answered /webapi/ping, fresh and with existing data",
  async run(setting) {
    await startOnce(setting);
    const fresh: number[] = [];
    const existing: number[] = [];
    for (let round = 0; round < setting.rounds(5, 2); round++) {
      const directory = await setting.directory();
      for (const times of [fresh, existing]) {
        const { daemon, elapsed } = await startUntilPing(setting, directory);
        times.push(elapsed);
        await daemon.ready();
        await daemon.stop();
      }
    }
    return [
      row("start to ping, existing data", "ms", atMost(500), { ours: existing }),
      row("start to ping, fresh", "ms", atMost(1500), { ours: fresh }),
    ];
  },
};

export const idleDaemon: Benchmark = {
  name: "idle",
  about: "memory and processor time of all roles when nothing happens",
  async run(setting) {
    await startOnce(setting);
    const daemon = await setting.daemon(await builtProgram(setting));
    await daemon.ready();
    const settle = setting.rounds(10_000, 4000);
    await pause(RESTED_MS);
    const pid = await daemon.pid();
    const cpu = await cpuShare([pid], settle);
    const memory = await residentMemory(pid);
    await daemon.stop();
    return [
      row("all roles idle: memory", "MB", atMost(150), { ours: [memory] }),
      row("all roles idle: processor", "% of a core", atMost(0.5), { ours: [cpu] }),
    ];
  },
};
