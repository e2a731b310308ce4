/**
 * What the tests of this folder share: temporary accounts, collected output, waiting for what gives no event.
 * @module
 */
import type { Readable } from "node:stream";
import { AppError } from "../../base/errors.ts";
import { block, cString } from "./c_memory.ts";
import { type ExitStatus, launchOnPty, launchPiped } from "./launch.ts";
import { libc } from "./libc.ts";
import { loginEnvironment } from "./shell.ts";
import { lookupUser, type OsUser } from "./user.ts";

/** True when the tests may become other users. */
export const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("not root: steps that become another user are skipped");

/** Runs `body` with a fresh account in the supplementary groups audio and games; the account is removed afterwards. */
export async function withUser(body: (user: OsUser) => Promise<void>): Promise<void> {
  const name = `ostest${Deno.pid}`;
  await command("useradd", ["-m", "-s", "/bin/bash", "-G", "audio,games", name]);
  try {
    const user = lookupUser(name);
    if (user === undefined) throw new AppError("not_found", `user "${name}" was not made`);
    await body(user);
  } finally {
    await command("userdel", ["-r", name]);
  }
}

async function command(path: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(path, { args, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new AppError("internal", `${path}: ${new TextDecoder().decode(stderr)}`);
}

/** Makes the file of a socket that nobody serves, as a killed process leaves it. */
export function deadSocket(path: string): void {
  const c = libc();
  const AF_UNIX = 1, SOCK_STREAM = 1;
  const fd = c.socket(AF_UNIX, SOCK_STREAM, 0);
  const address = block(110);
  address[0] = AF_UNIX;
  address.set(cString(path), 2);
  if (c.bind(fd, address, address.length) !== 0) throw new AppError("internal", `cannot make ${path}`);
  c.close(fd);
}

/** All a stream gives, as text, with a way to await a part of it. */
export class Output {
  text = "";
  readonly ended: Promise<void>;
  readonly #waiting = new Set<() => void>();

  constructor(stream: Readable) {
    stream.on("data", (chunk) => {
      this.text += chunk;
      for (const check of this.#waiting) check();
    });
    this.ended = new Promise((resolve) => stream.once("close", () => resolve()));
  }

  /** The match, once the output holds one; rejects if the stream ends before. */
  match(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(this.text);
        if (match === null) return;
        this.#waiting.delete(check);
        resolve(match);
      };
      this.#waiting.add(check);
      check();
      this.ended.then(() => reject(new Error(`ended without ${pattern}: ${JSON.stringify(this.text)}`)));
    });
  }
}

/** Runs a shell script with pipes to its end. */
export async function runPiped(
  user: OsUser,
  script: string,
): Promise<{ exit: ExitStatus; stdout: string; stderr: string }> {
  const child = launchPiped({ user, ...shell(user, script) });
  const stdout = new Output(child.stdout), stderr = new Output(child.stderr);
  child.stdin.end();
  const exit = await child.exit;
  await Promise.all([stdout.ended, stderr.ended]);
  return { exit, stdout: stdout.text, stderr: stderr.text };
}

/** Starts a shell script on a terminal of 80 by 24. */
export function startOnPty(user: OsUser, script: string, modes?: Map<number, number>) {
  const size = { term: "xterm", cols: 80, rows: 24 };
  const child = launchOnPty({ user, ...shell(user, script), ...size, ...(modes ? { modes } : {}) });
  return { child, output: new Output(child.terminal) };
}

function shell(user: OsUser, script: string) {
  return { path: "/bin/bash", argv: ["bash", "-c", script], env: loginEnvironment(user) };
}

/** Looks every few milliseconds whether something holds of which the system tells no event; fails after ten seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new AppError("timeout", `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The state letter of a process in /proc (R, S, Z ...), or undefined when there is none. */
export function processState(pid: number): string | undefined {
  try {
    return /\) (\w) /.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))?.[1];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** True when a process has ended, whether or not its parent has noticed. */
export function isGone(pid: number): boolean {
  const state = processState(pid);
  return state === undefined || state === "Z";
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
