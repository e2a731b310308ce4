/**
 * Programs of clients that nobody watches any more, because the Worker that started them has crashed: they would run on
 * for ever, with no client, unrecorded.
 * @module
 */
import { isAppError } from "../base/errors.ts";
import { ChildProcess } from "../node/os/child_process.ts";

/**
 * Ends all of this process's children that lead a session of the operating system, with the processes in it: only
 * programs of clients do that.
 * @param except children that are something else
 * @returns how many there were
 */
export async function endOrphans(except: ReadonlySet<number>): Promise<number> {
  let count = 0;
  for (const pid of await sessionLeaders()) {
    if (except.has(pid)) continue;
    try {
      new ChildProcess(pid).killSession();
      count++;
    } catch (error) {
      if (!isAppError(error)) throw error; // it ended just now, or has been killed because it cannot be watched
    }
  }
  return count;
}

async function sessionLeaders(): Promise<number[]> {
  const leaders: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readStat(name);
    // proc_pid_stat(5): the name in parentheses may hold anything; then state, ppid, pgrp, session.
    const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(parent) === Deno.pid && session === name) leaders.push(Number(name));
  }
  return leaders;
}

async function readStat(pid: string): Promise<string> {
  try {
    return await Deno.readTextFile(`/proc/${pid}/stat`);
  } catch (error) {
    // ESRCH: it ended between the opening and the reading.
    if (
      error instanceof Deno.errors.NotFound || (error instanceof Error && /os error 3\b/.test(error.message))
    ) {
      return "";
    }
    throw error;
  }
}
