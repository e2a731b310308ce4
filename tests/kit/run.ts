/**
 * Running this product's own programs, and others, in tests.
 * @module
 */

import { PROXY_VARIABLES } from "../../src/base/proxy_choice.ts";

export const ROOT = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
  /** Bytes of standard output. */
  bytes: Uint8Array;
}

export interface RunOptions {
  env?: Record<string, string>;
  stdin?: string | Uint8Array;
  cwd?: string;
  /** Milliseconds until the program is killed and the call fails. */
  timeoutMs?: number;
  /** For our own programs: the built executable instead of the sources. */
  executable?: string;
}

/** Variables of the surrounding session that must not leak into a test. */
const CLEAN = [
  "HOME",
  "SSH_AUTH_SOCK",
  "SSH_AGENT_PID",
  "TELEPORT_HOME",
  "SSH_CLIENT",
  "SSH_CONNECTION",
  "SSH_TTY",
  ...PROXY_VARIABLES,
];

/** Programs of ours get other homes, but must find the modules that are there already. */
const MODULES: Record<string, string> = {
  DENO_DIR: JSON.parse(
    new TextDecoder().decode(
      new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync().stdout,
    ),
  ).denoDir,
  DENO_NO_UPDATE_CHECK: "1",
};

function environment(extra: Record<string, string> = {}): Record<string, string> {
  const inherited = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !CLEAN.includes(name)),
  );
  return { ...inherited, ...MODULES, ...extra };
}

/** The arguments that run one of our programs from the sources. */
export function programArgs(tool: "teleport" | "tctl" | "tsh", args: readonly string[]): string[] {
  return ["run", "-A", "-q", "--no-lock", `--config=${ROOT}/deno.json`, `${ROOT}/main.ts`, tool, ...args];
}

/** Starts a program without a controlling terminal, so that it cannot ask the person who runs the tests. */
export function spawn(command: string, args: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
  return new Deno.Command("setsid", {
    args: ["-w", command, ...args],
    cwd: options.cwd ?? ROOT,
    clearEnv: true,
    env: environment(options.env),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  const { timeoutMs = 60_000, stdin } = options;
  const child = spawn(command, args, options);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  // At once: what it says while it is being fed would fill the pipe.
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed(child.stdin, stdin)]);
  clearTimeout(timer);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), bytes: stdout };
}

async function feed(to: WritableStream<Uint8Array>, stdin: string | Uint8Array | undefined): Promise<void> {
  const writer = to.getWriter();
  try {
    if (stdin !== undefined) {
      await writer.write(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
    }
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // it ended without reading everything
  }
}

/** Runs `teleport`, `tctl` or `tsh`. */
export function runProgram(
  tool: "teleport" | "tctl" | "tsh",
  args: readonly string[],
  options: RunOptions = {},
) {
  if (options.executable !== undefined) return run(options.executable, [tool, ...args], options);
  return run(Deno.execPath(), programArgs(tool, args), options);
}

/** Polls until `probe` gives a value; for states that nothing announces. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`timed out waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
