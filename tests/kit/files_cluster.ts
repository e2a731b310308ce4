/**
 * A cluster for tests of file transfers: stock clients that go through its proxy to its node, as an ordinary user of the
 * operating system where the tests run as root.
 * @module
 */
import { Daemon } from "./cluster.ts";
import { IS_ROOT, LOGIN, processesWith } from "./machine.ts";
import { TemporaryUser } from "./os_account.ts";
import { eventually, type Result, run, type RunOptions } from "./run.ts";
import type { User } from "./user.ts";

/** What the process that serves files shows in the list of processes. */
const HELPER = "teleport sftp-server";

export class FilesCluster implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    readonly daemon: Daemon,
    readonly user: User,
    /** The login of the node; another one than the tests' own where that is possible. */
    readonly login: string,
    /** A folder that the login owns, on the node. */
    readonly remote: string,
    /** A folder of the tests. */
    readonly local: string,
  ) {
    this.#stack = stack;
  }

  static async start(): Promise<FilesCluster> {
    await using building = new AsyncDisposableStack();
    const account = IS_ROOT ? building.use(await TemporaryUser.create("tpfiles")) : undefined;
    const local = await Deno.makeTempDir({ prefix: "teleport-local-" });
    building.defer(() => Deno.remove(local, { recursive: true }));
    const own = account ? undefined : await Deno.makeTempDir({ prefix: "teleport-remote-" });
    if (own) building.defer(() => Deno.remove(own, { recursive: true }));
    const daemon = building.use(await Daemon.start());
    const login = account?.name ?? LOGIN;
    const user = await daemon.user("joe", [...new Set([login, LOGIN])]);
    await user.loginOk();
    return new FilesCluster(building.move(), daemon, user, login, account?.home ?? own ?? "", local);
  }

  target(login = this.login): string {
    return `${login}@alpha.main`;
  }

  /** Runs stock `sftp` with commands; it stops at the first that fails, unless that begins with `-`. */
  sftp(commands: string[], { login, args = [] }: { login?: string; args?: string[] } = {}): Promise<Result> {
    const command = [...this.user.sshArgs, "-q", ...args, "-b", "-", this.target(login)];
    return run("sftp", command, { ...this.#options, stdin: `${commands.join("\n")}\n` });
  }

  /** Runs stock `scp`; `REMOTE:` stands for the login and host. */
  scp(args: string[], options: RunOptions & { login?: string } = {}): Promise<Result> {
    const target = `${this.target(options.login)}:`;
    const words = args.map((arg) => arg.replace(/^REMOTE:/, target));
    return run("scp", [...this.user.sshArgs, "-q", ...words], { ...this.#options, ...options });
  }

  get #options(): RunOptions {
    return { env: { HOME: this.user.options.home }, timeoutMs: 120_000, cwd: this.local };
  }

  /** The file events so far, without what all of them have in common. */
  async fileEvents(): Promise<Record<string, unknown>[]> {
    const events = await this.daemon.events();
    return events.filter(({ event }) => event === "sftp" || event === "scp");
  }

  /** Waits for an event of files. */
  fileEvent(fits: Record<string, unknown>): Promise<Record<string, unknown>> {
    const matches = (event: Record<string, unknown>) =>
      Object.entries(fits).every(([name, value]) => event[name] === value);
    return eventually(
      `an event like ${JSON.stringify(fits)}`,
      async () => (await this.fileEvents()).find(matches),
    );
  }

  /** The processes that serve files of this daemon. */
  async helpers(): Promise<number[]> {
    const daemon = await this.daemon.pid();
    const found: number[] = [];
    for (const pid of await processesWith(HELPER)) {
      if ((await parentOf(pid)) === daemon) found.push(pid);
    }
    return found;
  }

  async noHelpers(): Promise<void> {
    await eventually(
      "the processes that serve files to end",
      async () => (await this.helpers()).length === 0 || undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function parentOf(pid: number): Promise<number | undefined> {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
