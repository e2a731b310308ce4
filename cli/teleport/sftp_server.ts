/**
 * `teleport sftp-server`: the process that a node starts for each session that moves files. It is of no use to people, and
 * no help names it.
 *
 * It is a program of its own wherever it can be: the runtime looks through all that the whole product could import before
 * it runs a line of it, which takes three times as long and three times the memory.
 * @module
 */
import { serveFiles } from "../../src/node/files/helper/main.ts";

/** Runs to the end. @returns the exit code */
export function sftpServer(): number {
  return serveFiles();
}

if (import.meta.main) Deno.exit(sftpServer());
