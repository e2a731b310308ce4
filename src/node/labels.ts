/**
 * A node's labels: fixed ones, and ones that are the output of a command run now and then.
 * @module
 */
import { once } from "node:events";
import { type Clock, every, type Timer } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
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

/** Runs a label's command as the daemon's own user; exported for tests. */
export type RunCommand = (command: readonly string[], clock: Clock) => Promise<string>;

export class Labels {
  readonly #values: Record<string, string>;
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
      value = await this.run(command, this.clock);
    } catch (error) {
      value = messageOf(error); // the failure is the value, so that it is seen where the label is
    }
    // deno-lint-ignore no-control-regex
    const clean = value.trim().replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, MAX_VALUE);
    if (this.#values[name] === clean) return;
    this.#values[name] = clean;
    this.onChange();
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}

async function runCommand(command: readonly string[], clock: Clock): Promise<string> {
  const user = currentUser();
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = launchPiped({
    user,
    env: loginEnvironment(user),
    path: "/bin/sh",
    argv: ["sh", "-c", `exec ${quoted}`],
    cwd: "/",
  });
  const timer = clock.after(TIMEOUT_MS, () => child.killSession());
  child.stdin.end();
  let text = "";
  child.stdout.on("data", (chunk: Uint8Array) => {
    if (text.length < MAX_VALUE) text += new TextDecoder().decode(chunk);
  });
  child.stderr.resume();
  const ended = once(child.stdout, "end"); // what was written last may be read after the exit is known
  const { code, signal } = await child.exit;
  await Promise.race([ended, new Promise<void>((resolve) => clock.after(LINGER_MS, resolve))]);
  child.stdout.destroy();
  timer.cancel();
  if (signal !== undefined) return `the command was ended by signal ${signal}`;
  return code === 0 ? text : text || `the command failed with exit status ${code}`;
}
