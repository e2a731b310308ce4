/**
 * Keeps the start files of the user's shell out of tests and measurements: every session starts that shell, and what its
 * files do (slow version managers, lock files left behind by a killed shell) is not what is tested or measured.
 * @module
 */
import { userInfo } from "node:os";
import { IS_ROOT } from "./machine.ts";

const START_FILES = [".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv", ".zprofile"];
/** Set in the process that was started again. */
const MARK = "TELEPORT_PLAIN_SHELL";
/** Covers each file (the arguments up to `--`) with an empty one, in this mount namespace only, and goes on. */
const COVER = 'while [ "$1" != -- ]; do mount --bind /dev/null "$1" || exit; shift; done; shift; exec "$@"';

async function startFiles(): Promise<string[]> {
  const home = userInfo().homedir; // of the account: where a session's shell looks, whatever HOME says here
  const found: string[] = [];
  for (const name of START_FILES) {
    try {
      if ((await Deno.stat(`${home}/${name}`)).size > 0) found.push(`${home}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

async function canCover(): Promise<boolean> {
  const { success } = await new Deno.Command("unshare", { args: ["--mount", "true"], stderr: "null" })
    .output();
  return success;
}

/**
 * When the user's shell has start files, runs the program again where they look empty.
 * @param script the program's path below the project's folder
 * @returns its exit code, or undefined to go on in this process
 */
export async function withPlainShell(script: string, args: readonly string[]): Promise<number | undefined> {
  if (Deno.env.has(MARK)) return undefined;
  const files = await startFiles();
  if (files.length === 0) return undefined;
  if (!IS_ROOT || !await canCover()) {
    console.error(`note: the shell's start files (${files.join(", ")}) run in every session of this run`);
    return undefined;
  }
  const path = new URL(`../../${script}`, import.meta.url).pathname;
  const again = [Deno.execPath(), "run", "-A", "-q", path, ...args];
  const child = new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", COVER, "sh", ...files, "--", ...again],
    env: { [MARK]: "1" },
  }).spawn();
  // It cleans up, and this process waits for it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => child.kill("SIGTERM"));
  }
  return (await child.status).code;
}
