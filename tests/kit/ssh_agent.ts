/**
 * A real ssh-agent with one key of its own.
 * @module
 */
import { eventually, run, spawn } from "./run.ts";

export class SshAgent implements AsyncDisposable {
  private constructor(
    readonly process: Deno.ChildProcess,
    readonly directory: string,
    /** What `ssh-add -l` prints of its key. */
    readonly fingerprint: string,
  ) {}

  static async start(): Promise<SshAgent> {
    const directory = await Deno.makeTempDir({ prefix: "agent-" });
    const socket = `${directory}/socket`;
    const process = spawn("ssh-agent", ["-D", "-a", socket]);
    await eventually(
      "the agent",
      async () => (await Deno.stat(socket).catch(() => undefined)) !== undefined || undefined,
    );
    const env = { SSH_AUTH_SOCK: socket };
    const made = await run("ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-C",
      "in the agent",
      "-f",
      `${directory}/key`,
    ]);
    const added = await run("ssh-add", ["-q", `${directory}/key`], { env });
    const listed = await run("ssh-add", ["-l"], { env });
    if (made.code !== 0 || added.code !== 0 || listed.code !== 0) {
      throw new Error(made.stderr + added.stderr + listed.stderr);
    }
    return new SshAgent(process, directory, listed.stdout.trim());
  }

  get socket(): string {
    return `${this.directory}/socket`;
  }

  get env(): Record<string, string> {
    return { SSH_AUTH_SOCK: this.socket };
  }

  /** Adds a key, with its certificate if there is one beside it. */
  async add(keyFile: string): Promise<void> {
    const { code, stderr } = await run("ssh-add", ["-q", keyFile], { env: this.env });
    if (code !== 0) throw new Error(`ssh-add failed: ${stderr}`);
  }

  /** What it holds, one line a key. */
  async list(): Promise<string[]> {
    return (await run("ssh-add", ["-l"], { env: this.env })).stdout.trim().split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGTERM");
    await this.process.output();
    await this.process.stdin.close().catch(() => {}); // the other end is gone
    await Deno.remove(this.directory, { recursive: true });
  }
}
