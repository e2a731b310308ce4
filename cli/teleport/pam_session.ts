/**
 * `teleport pam-session`: the process that a node starts for each session when PAM is on. It is of no use to people, and no
 * help names it. A program of its own for the same reason as `sftp-server`.
 * @module
 */
import { endAlike, holdPamSession } from "../../src/node/pam/helper.ts";

/** Runs to the end. @returns the exit code */
export async function pamSession(): Promise<number> {
  const code = await holdPamSession();
  endAlike();
  return code;
}

if (import.meta.main) Deno.exit(await pamSession());
