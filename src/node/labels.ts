/**
 * A node's labels: fixed ones, and ones that are the output of a command run now and then.
 * @module
 */
import { once } from "node:events";
import type { Readable } from "node:stream";
import { type Clock, every, type Timer } from "../base/clock.ts";
import { formatDuration } from "../base/duration.ts";
import { AppError, messageOf } from "../base/errors.ts";
import { launchPiped } from "./os/launch.ts";
import { loginEnvironment } from "./os/shell.ts";
import { currentUser } from "./os/user.ts";

export interface CommandLabel {
  name: string;
  /** Program and arguments; a name without a slash is looked up in PATH. */
  command: string[];
  periodMs: number;
}

const MAX_VALUE = 512;
const TIMEOUT_MS = 10_000;
/** A background process may hold the output open for this long after the command itself ended. */
const LINGER_MS = 1000;

/**
 * Runs a label's command as the daemon's own user; exported for tests.
 * @param signal ends it and everything it has started
 * @returns what it printed; rejects with what is wrong
 */
export type RunCommand = (command: readonly string[], clock: Clock, signal: AbortSignal) => Promise<string>;

export class Labels {
  readonly #values: Record<string, string>;
  readonly #stopped = new AbortController();
  #timers: Timer[] = [];

  constructor(
    fixed: Readonly<Record<string, string>>,
    readonly commands: readonly CommandLabel[],
    readonly clock: Clock,
    readonly onChange: () => void,
    readonly run: RunCommand = runCommand,
  ) {
    this.#values = { ...fixed };
  }

  current(): Record<string, string> {
    return { ...this.#values };
  }

  /** Runs every command once, then at its period. */
  async start(): Promise<void> {
    await Promise.all(this.commands.map((label) => this.#update(label)));
    this.#timers = this.commands.map((label) => every(this.clock, label.periodMs, () => this.#update(label)));
  }

  async #update({ name, command }: CommandLabel): Promise<void> {
    let value: string;
    try {
      value = await this.run(command, this.clock, this.#stopped.signal);
    } catch (error) {
      value = messageOf(error); // the failure is the value, so that it is seen where the label is
    }
    // What a terminal or a log would obey, or show in another order, goes.
    const clean = value.trim().replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, " ").slice(0, MAX_VALUE);
    if (this.#stopped.signal.aborted) return;
    if (this.#values[name] === clean) return;
    this.#values[name] = clean;
    this.onChange();
  }

  /** Ends the commands that run. */
  stop(): void {
    this.#stopped.abort();
    for (const timer of this.#timers) timer.cancel();
  }
}

async function runCommand(command: readonly string[], clock: Clock, signal: AbortSignal): Promise<string> {
  const user = currentUser();
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = launchPiped({
    user,
    env: loginEnvironment(user),
    path: "/bin/sh",
    argv: ["sh", "-c", `exec ${quoted}`],
    cwd: "/",
  });
  let late = false;
  const kill = () => child.killSession();
  const timer = clock.after(TIMEOUT_MS, () => {
    late = true;
    kill();
  });
  signal.addEventListener("abort", kill, { once: true });
  child.stdin.end();
  const [output, errors] = [beginningOf(child.stdout), beginningOf(child.stderr)];
  const ended = once(child.stdout, "end"); // what was written last may be read after the exit is known
  const { code, signal: ending } = await child.exit;
  timer.cancel();
  signal.removeEventListener("abort", kill);
  const { promise: lingered, resolve } = Promise.withResolvers<"lingered">();
  const linger = clock.after(LINGER_MS, () => resolve("lingered"));
  // What it left in the background would be one more with every run.
  if (await Promise.race([ended, lingered]) === "lingered") kill();
  linger.cancel();
  child.stdout.destroy();
  child.stderr.destroy();
  if (late) throw new AppError("timeout", `the command did not end within ${formatDuration(TIMEOUT_MS)}`);
  if (ending !== undefined) throw new AppError("unavailable", `the command was ended by signal ${ending}`);
  if (code === 0) return output();
  const said = errors().trim() || output().trim();
  throw new AppError("unavailable", `the command failed with exit status ${code}${said && `: ${said}`}`);
}

/** Reads all of a stream and keeps its beginning. */
function beginningOf(stream: Readable): () => string {
  const decoder = new TextDecoder();
  let text = "";
  stream.on("data", (chunk: Uint8Array) => {
    if (text.length < MAX_VALUE) text += decoder.decode(chunk.subarray(0, 4 * MAX_VALUE), { stream: true });
  });
  return () => text;
}
