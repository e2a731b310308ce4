/**
 * `-f`: the connection lives on in a process of its own, once everything is set up. A program cannot be cut in two here,
 * so it starts itself again, without a terminal, and waits for that one's sign.
 * @module
 */
import { spawn } from "node:child_process";
import { Exit } from "../../program.ts";

const MARK = "TSH_BACKGROUND_OF";

/** Whether this process is the one in the background. */
export function isBackground(): boolean {
  return Deno.env.has(MARK);
}

/**
 * Starts this very call in the background.
 * @param keepOutput a command's output goes on to ours; without it nothing of ours is held
 * @throws {Exit} 0 when it is set up, else with its status
 */
export async function continueInBackground(keepOutput: boolean): Promise<never> {
  const child = spawn(Deno.execPath(), thisCall(), {
    detached: true,
    stdio: ["ignore", keepOutput ? "inherit" : "ignore", keepOutput ? "inherit" : "pipe"],
    env: { ...Deno.env.toObject(), [MARK]: String(Deno.pid) },
  });
  child.stderr?.on("data", (chunk: Uint8Array) => void Deno.stderr.writeSync(chunk));
  const code = await new Promise<number>((resolve) => {
    Deno.addSignalListener("SIGUSR1", () => resolve(0));
    child.once("exit", (status) => resolve(status ?? 255));
    child.once("error", () => resolve(255));
  });
  child.stderr?.destroy();
  child.unref();
  throw new Exit(code);
}

/** The arguments of the runtime that start this program anew. */
function thisCall(): string[] {
  if (Deno.build.standalone) return Deno.args;
  const bundled = Deno.mainModule.endsWith(".js") ? ["--no-lock", "--no-config", "--no-remote"] : [];
  return ["run", "-A", "-q", ...bundled, Deno.mainModule, ...Deno.args];
}

/** Tells the waiting process that all is set up. */
export function detach(): void {
  const parent = Number(Deno.env.get(MARK));
  if (parent > 0 && parent === Deno.ppid) Deno.kill(parent, "SIGUSR1");
}
