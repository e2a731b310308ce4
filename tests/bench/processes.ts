/**
 * What processes use, as the kernel counts it.
 * @module
 */
import { residentBytes } from "../kit/machine.ts";
import { pause } from "./statistics.ts";

const MEGABYTE = 1024 * 1024;
/** Clock ticks a second in /proc; the same on every Linux that runs this. */
const TICKS = 100;

interface Stat {
  pid: number;
  parent: number;
  /** Seconds of processor time, all threads. */
  cpu: number;
}

/** The contents of a file of /proc, or undefined when its process is gone or not ours to see. */
async function readProc(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    if (error instanceof Error && /ESRCH|No such process/.test(error.message)) return undefined;
    throw error;
  }
}

async function stat(pid: number): Promise<Stat | undefined> {
  const text = await readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name of the program stands in parentheses and may hold anything; numbers follow the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, parent: Number(fields[1]), cpu: (Number(fields[11]) + Number(fields[12])) / TICKS };
}

/** A process and all that descend from it. */
export async function processTree(root: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for await (const { name } of Deno.readDir("/proc")) {
    const entry = /^\d+$/.test(name) ? await stat(Number(name)) : undefined;
    if (entry) children.set(entry.parent, [...children.get(entry.parent) ?? [], entry.pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...children.get(pid) ?? []);
  return tree;
}

/** Resident memory of a process in MB. */
export async function residentMemory(pid: number): Promise<number> {
  return await residentBytes(pid) / MEGABYTE;
}

/** Memory of several processes in MB, pages that they share counted once. */
export async function sharedMemory(pids: readonly number[]): Promise<number> {
  let kilobytes = 0;
  for (const pid of pids) {
    const text = await readProc(`/proc/${pid}/smaps_rollup`);
    kilobytes += Number(/^Pss:\s*(\d+) kB$/m.exec(text ?? "")?.[1] ?? 0);
  }
  return kilobytes * 1024 / MEGABYTE;
}

/** Seconds of processor time used so far. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const stats = await Promise.all(pids.map(stat));
  return stats.reduce((total, entry) => total + (entry?.cpu ?? 0), 0);
}

/** The share of one core, in percent, that processes use during the next `ms` milliseconds. */
export async function cpuShare(pids: readonly number[], ms: number): Promise<number> {
  const [before, start] = [await cpuSeconds(pids), performance.now()];
  await pause(ms);
  return 100_000 * (await cpuSeconds(pids) - before) / (performance.now() - start);
}

/** Ends a process that was started here, and its descendants. */
export async function endTree(root: number): Promise<void> {
  for (const pid of await processTree(root)) {
    try {
      Deno.kill(pid, "SIGTERM");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it ended by itself
    }
  }
}
