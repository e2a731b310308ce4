/**
 * What tests must know of the machine they run on: who they are, what runs, which terminals are open.
 * @module
 */
import { eventually } from "./run.ts";

export const IS_ROOT = Deno.uid() === 0;

/** The OS user who runs the tests: the only login that always works. */
export const LOGIN = new TextDecoder().decode(new Deno.Command("id", { args: ["-un"] }).outputSync().stdout)
  .trim();

/** True when a test must be skipped because it needs root; says so. */
export function withoutRoot(what: string): boolean {
  if (!IS_ROOT) console.log(`skipped, needs root: ${what}`);
  return !IS_ROOT;
}

/** The command lines of all processes, by process id, words joined with blanks. */
export async function commandLines(): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readGone(`/proc/${name}/cmdline`);
    if (text) found.set(Number(name), text.replaceAll("\0", " ").trim());
  }
  return found;
}

/** Processes whose command line holds `marker`. */
export async function processesWith(marker: string): Promise<number[]> {
  return [...await commandLines()].filter(([pid, line]) => pid !== Deno.pid && line.includes(marker))
    .map(([pid]) => pid);
}

/** Where the descriptors of a process lead; none for a process that has ended. */
export async function descriptors(pid: number): Promise<string[]> {
  const targets: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      try {
        targets.push(await Deno.readLink(`/proc/${pid}/fd/${name}`));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // closed meanwhile
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return targets;
}

/** How many pseudo terminals a process holds the master side of. */
export async function terminalsOf(pid: number): Promise<number> {
  return (await descriptors(pid)).filter((target) => /\/ptmx$/.test(target)).length;
}

/** Settles when no process has `marker` in its command line any more. */
export async function noProcessWith(marker: string): Promise<void> {
  await eventually(
    `no process with "${marker}"`,
    async () => (await processesWith(marker)).length === 0 || undefined,
  );
}

async function readGone(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    // It ended between the listing and the reading, or belongs to another user.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/**
 * The ports that {@linkcode freePort} gives out: below those that systems give to connections and to listeners that ask
 * for any (32768 and up, 49152 and up), so that nobody comes by one before its test does, or between two daemons of it.
 */
const PORTS = { from: 10_000, to: 32_000 };

/** A port of the loopback address that nobody listens on now. */
export function freePort(): number {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** The memory that a process has now, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** True when somebody accepts connections there. */
export async function accepts(port: number, hostname = "127.0.0.1"): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname, port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Whether something of this name is there, be it a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
