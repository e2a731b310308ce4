/**
 * `teleport sftp-server`: the process that a node starts for each session that moves files. It is of no use to people, and
 * no help names it.
 * @module
 */
import { serveFiles } from "../../src/node/files/helper/main.ts";

export function sftpServer(): number {
  return serveFiles();
}
