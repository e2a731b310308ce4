/**
 * A program of this machine in the place of one behind SSH, for clients of its protocol.
 * @module
 */
import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import type { ClientSession, ExitStatus } from "../../src/ssh/channel.ts";

/** Runs a command by the shell, as an SSH server would. */
export function processSession(command: string, cwd: string): ClientSession {
  const child = spawn("/bin/sh", ["-c", command], { cwd, stdio: "pipe" });
  const exit = new Promise<ExitStatus>((resolve) => {
    child.once(
      "close",
      (code, signal) => resolve(code === null ? { signal: String(signal).slice(3) } : { code }),
    );
  });
  child.stdin.on("error", () => {}); // it may end before it has read everything
  return {
    stream: Duplex.from({ readable: child.stdout, writable: child.stdin }).on("error", () => {}),
    stderr: child.stderr,
    exit,
    refused: new Set(),
    resize: () => {},
    signal: (name) => void child.kill(`SIG${name}` as "SIGTERM"),
    break: () => Promise.resolve(false),
    endOutput: () => {},
    close: () => void child.kill("SIGKILL"),
  };
}
