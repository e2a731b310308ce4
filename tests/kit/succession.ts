/**
 * Daemons that are replaced while they run: which process serves, which one waits for its last clients.
 * @module
 */
import type { Daemon } from "./cluster.ts";
import { noProcessWith, processesWith } from "./machine.ts";
import { eventually } from "./run.ts";

/** Whether a process runs; one that has ended and is not reaped does not. */
export async function runs(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+Z/m.test(await Deno.readTextFile(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

export async function gone(pid: number, timeoutMs?: number): Promise<void> {
  await eventually(`process ${pid} to end`, async () => !await runs(pid) || undefined, timeoutMs);
}

/** Signals the serving process and waits until another one serves. @returns the process ids, the old one first */
export async function replaced(daemon: Daemon, signal: "SIGHUP" | "SIGUSR2"): Promise<[number, number]> {
  const before = await daemon.pid();
  Deno.kill(before, signal);
  const after = await eventually("another process to serve", async () => {
    const now = await daemon.pid();
    return now === before ? undefined : now;
  });
  // It says so a moment after it has written its state.
  await eventually("the old process to know", () => daemon.stderr.includes(`process ${after} is ready`));
  return [before, after];
}

/** Ends all processes of a daemon, old and new, for the end of a test. */
export async function endAll(daemon: Daemon): Promise<void> {
  const pids = await processesWith(daemon.configFile);
  for (const pid of pids) {
    try {
      Deno.kill(pid, "SIGTERM");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  await noProcessWith(daemon.configFile);
}
