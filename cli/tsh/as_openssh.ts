/**
 * tsh called by the name `ssh` or `scp`: their flags and their exit codes, so that git, rsync, Ansible and people's own
 * scripts can use it in their place.
 * @module
 */
import { isAppError } from "../../src/base/errors.ts";
import { Exit, printError, runProgram } from "../program.ts";

/** What ssh(1) ends with when the call itself is wrong or the connection fails. */
const SSH_FAILED = 255;

/** @returns the exit code */
export async function asOpenSsh(name: "ssh" | "scp", args: string[]): Promise<number> {
  return await runProgram({ parseAsync: () => name === "ssh" ? ssh(args) : scp(args) }, args);
}

/** Programs that call ssh name keys of their own; without a proxy that belongs to it, such a key is no login of ours. */
function withoutForeignKey<Call extends { identity?: string; proxy?: string; notes: string[] }>(
  call: Call,
): Call {
  if (call.identity !== undefined && call.proxy === undefined) {
    call.notes.push(`-i ${call.identity} has no effect without TELEPORT_PROXY: the login of tsh is used`);
    call.identity = undefined;
  }
  return call;
}

async function ssh(args: string[]): Promise<void> {
  const [{ parseCall }, { runSsh }] = await Promise.all([import("./ssh/flags.ts"), import("./ssh/run.ts")]);
  try {
    await runSsh(withoutForeignKey(parseCall(args, { proxy: Deno.env.get("TELEPORT_PROXY") }, true)));
  } catch (error) {
    if (!isAppError(error)) throw error;
    printError(`ssh: ${error.message}\n`);
    throw new Exit(SSH_FAILED);
  }
}

async function scp(args: string[]): Promise<void> {
  const [{ parseScpCall }, { runScp }] = await Promise.all([
    import("./scp/flags.ts"),
    import("./scp/run.ts"),
  ]);
  await runScp(withoutForeignKey(parseScpCall(args, { proxy: Deno.env.get("TELEPORT_PROXY") }, true)));
}
