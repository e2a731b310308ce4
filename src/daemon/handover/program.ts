/**
 * How this daemon was started, so that a new one can be started the same way, with the program that is on disk by then.
 * @module
 */

export interface DaemonCommand {
  path: string;
  args: string[];
  cwd: string;
}

/** Where the launcher of the packed program names itself: what runs is the runtime it has unpacked. */
const PROGRAM = "TELEPORT_PROGRAM";

/** To be called at the start: later the program may have been replaced, and its path would not be known any more. */
export function ownCommand(): DaemonCommand {
  const cwd = Deno.cwd();
  const launcher = Deno.env.get(PROGRAM);
  if (launcher !== undefined) {
    return { path: launcher.startsWith("/") ? launcher : `${cwd}/${launcher}`, args: Deno.args, cwd };
  }
  const path = Deno.execPath();
  if (Deno.build.standalone) return { path, args: Deno.args, cwd };
  // From the sources: the runtime's own arguments come first.
  const [, ...args] = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  return { path, args, cwd };
}
