/**
 * OpenSSH's sftp-server on pipes, as the peer that ours is held against.
 * @module
 */
import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { SftpClient } from "../../src/ssh/sftp/client.ts";

const PATHS = [
  "/usr/lib/openssh/sftp-server",
  "/usr/libexec/openssh/sftp-server",
  "/usr/lib/ssh/sftp-server",
];

/** Where the program is, or undefined; says so then. */
export const STOCK_SFTP: string | undefined = PATHS.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
});
if (STOCK_SFTP === undefined) console.log("skipped: OpenSSH's sftp-server is not installed");

export interface StockSftp extends AsyncDisposable {
  client: SftpClient;
}

export async function startStockSftp(cwd: string): Promise<StockSftp> {
  const child = spawn(STOCK_SFTP ?? "", { cwd, stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const client = await SftpClient.start(Duplex.from({ readable: child.stdout, writable: child.stdin }));
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await ended;
    },
  };
}
