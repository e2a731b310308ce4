/**
 * A real cluster for tests: the real daemon in a temporary directory, on free loopback ports.
 * @module
 */
import { stringify } from "@std/yaml";
import { exists } from "./machine.ts";
import { eventually, programArgs, type Result, run, runProgram, spawn } from "./run.ts";
import { User } from "./user.ts";

export interface ClusterOptions {
  nodename?: string;
  clusterName?: string;
  /** Merged over the configuration's sections. */
  teleport?: Record<string, unknown>;
  auth?: Record<string, unknown>;
  node?: Record<string, unknown>;
  proxy?: Record<string, unknown>;
  /** More arguments of `teleport start`. */
  args?: string[];
  /** Keep and use this directory; else a new temporary one that is removed at the end. */
  directory?: string;
  env?: Record<string, string>;
  /** Run the daemon as this OS user; needs root. */
  runAs?: string;
  /** A command that runs the daemon, whose own command is added. */
  launcher?: [string, ...string[]];
  /** The built executable instead of the sources. */
  executable?: string;
}

/** Where the daemon's services listen. */
export interface Addresses {
  auth?: Address;
  proxySsh?: Address;
  proxyWeb?: Address;
  proxyTunnel?: Address;
  node?: Address;
  diagnostics?: Address;
}

export interface Address {
  host: string;
  port: number;
}

/** How long a daemon that has ended is waited for to have said everything. */
const LAST_WORDS_MS = 1000;

/** One running daemon. */
export class Daemon {
  #stderr = "";
  #stdout = "";
  /** The process is gone. */
  #ended = false;
  /** And has said everything. */
  #exited = false;
  /** Its exit code, once it has ended and said everything. */
  readonly ended: Promise<number>;

  private constructor(
    readonly process: Deno.ChildProcess,
    readonly directory: string,
    readonly configFile: string,
    readonly options: ClusterOptions,
  ) {
    const collected = Promise.all([
      this.#collect(process.stderr, (text) => this.#stderr += text),
      this.#collect(process.stdout, (text) => this.#stdout += text),
    ]);
    this.ended = this.#end(collected);
  }

  /** Starts a daemon without waiting for it to be ready. */
  static async spawn(options: ClusterOptions = {}): Promise<Daemon> {
    const directory = options.directory ?? await Deno.makeTempDir({ prefix: "teleport-test-" });
    const configFile = `${directory}/teleport.yaml`;
    const settings = JSON.parse(JSON.stringify(configuration(directory, options))); // leaves out what is undefined
    await Deno.writeTextFile(configFile, stringify(settings));
    const start = ["start", "-c", configFile, ...(options.args ?? [])];
    const args = programArgs("teleport", start);
    const env = { HOME: directory, ...options.env };
    const own = options.executable === undefined
      ? [Deno.execPath(), ...args]
      : [options.executable, "teleport", ...start];
    const [launcher, ...rest] = [...options.launcher ?? [], ...own];
    const process = options.runAs === undefined
      ? spawn(launcher ?? "", rest, { env })
      : await spawnAs(options.runAs, directory, args, env);
    const writer = process.stdin.getWriter();
    await writer.close();
    return new Daemon(process, directory, configFile, options);
  }

  /** Starts a daemon and waits until every role is ready. */
  static async start(options: ClusterOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.spawn(options);
    try {
      await daemon.ready();
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  /** Its last words may come after its end; programs that it left behind may hold its output open. */
  async #end(collected: Promise<unknown>): Promise<number> {
    const { code } = await this.process.status;
    this.#ended = true;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_WORDS_MS);
    await Promise.race([collected, late]);
    clearTimeout(timer);
    this.#exited = true;
    return code;
  }

  async #collect(stream: AsyncIterable<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get exited(): boolean {
    return this.#exited;
  }

  get dataDir(): string {
    return `${this.directory}/data`;
  }

  /** The daemon's own process id; the child may be setsid's. */
  async pid(): Promise<number> {
    return (await this.#state()).pid;
  }

  async #state(): Promise<{ pid: number; addresses: Addresses }> {
    return JSON.parse(await Deno.readTextFile(`${this.dataDir}/daemon.json`));
  }

  async addresses(): Promise<Addresses> {
    return (await this.#state()).addresses;
  }

  async ready(timeoutMs = 90_000): Promise<void> {
    await eventually("the daemon to be ready", async () => {
      if (this.#exited) throw new Error(`the daemon ended: ${this.#stderr}`);
      try {
        const { pid } = await this.#state();
        // A file of an earlier run names another process.
        return pid === this.process.pid || (await parentOf(pid)) === this.process.pid ? true : undefined;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    }, timeoutMs);
  }

  tctl(...args: string[]): Promise<Result> {
    return runProgram("tctl", ["-c", this.configFile, ...args], { env: { HOME: this.directory } });
  }

  /** Runs tctl and fails unless it succeeds. */
  async tctlOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tctl(...args);
    if (code !== 0) throw new Error(`tctl ${args.join(" ")} failed: ${stderr}`);
    return stdout;
  }

  async webAddress(): Promise<string> {
    const { proxyWeb } = await this.addresses();
    if (!proxyWeb) throw new Error("this daemon has no proxy");
    return `127.0.0.1:${proxyWeb.port}`;
  }

  /** Invites and signs up a user through the web, with a real code. */
  async user(name: string, logins: string[] = [Deno.env.get("USER") ?? "root"]): Promise<User> {
    const text = await this.tctlOk("users", "add", name, logins.join(","), "--format=json");
    return await this.signUp(name, JSON.parse(text).url);
  }

  /** Signs up with an invitation link. */
  async signUp(name: string, url: string): Promise<User> {
    const { proxySsh } = await this.addresses();
    return await User.signUp({
      name,
      url,
      proxy: await this.webAddress(),
      sshPort: proxySsh?.port ?? 0,
      home: `${this.directory}/home-${name}`,
      cluster: this.options.clusterName ?? "main",
    });
  }

  /** The audit log's events so far. */
  async events(): Promise<Record<string, string | number | boolean>[]> {
    const directory = `${this.dataDir}/log`;
    const events: Record<string, string | number | boolean>[] = [];
    // Where auth servers share a store, each has a folder of its own.
    const id = (await Deno.readTextFile(`${this.dataDir}/host_uuid`)).trim();
    for (const folder of [directory, `${directory}/${id}`]) {
      if (!await exists(folder)) continue;
      for await (const entry of Deno.readDir(folder)) {
        if (!entry.name.endsWith(".log")) continue;
        const lines = (await Deno.readTextFile(`${folder}/${entry.name}`)).split("\n").filter(Boolean);
        events.push(...lines.map((line) => JSON.parse(line)));
      }
    }
    return events;
  }

  /** Waits for an event that fits. */
  event(
    name: string,
    fits: (event: Record<string, string | number | boolean>) => boolean = () => true,
  ): Promise<Record<string, string | number | boolean>> {
    return eventually(
      `event ${name}`,
      async () => (await this.events()).find((event) => event.event === name && fits(event)),
    );
  }

  async signal(name: Deno.Signal): Promise<void> {
    Deno.kill(await this.pid(), name);
    await this.process.status;
  }

  /** Stops the daemon and removes its directory unless it was given. */
  async stop(): Promise<void> {
    if (!this.#ended) {
      try {
        Deno.kill(await this.pid(), "SIGTERM");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        this.process.kill("SIGKILL"); // it never got as far as writing its state
      }
    }
    await this.process.status;
    if (this.options.directory === undefined) await removeAll(this.directory);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Programs that outlive the daemon for a moment may remove files of their own meanwhile. */
async function removeAll(directory: string): Promise<void> {
  try {
    await Deno.remove(directory, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await run("rm", ["-rf", directory]);
  }
}

/** Starts the daemon as another OS user, who then owns its directory. */
async function spawnAs(
  user: string,
  directory: string,
  args: string[],
  env: Record<string, string>,
): Promise<Deno.ChildProcess> {
  // That user cannot read root's module cache: it gets a copy.
  const { denoDir } = JSON.parse((await run(Deno.execPath(), ["info", "--json"])).stdout);
  const cache = `${directory}/deno-cache`;
  await Deno.mkdir(cache, { recursive: true }); // it is there when a cluster starts anew
  // Only its folders: the files beside them are databases that other processes of the runtime have open.
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(denoDir)) {
    if (isDirectory) folders.push(`${denoDir}/${name}`);
  }
  for (
    const [command, ...words] of [["cp", "-a", ...folders, cache], ["chown", "-R", `${user}:`, directory]]
  ) {
    const { code, stderr } = await run(command ?? "", words);
    if (code !== 0) throw new Error(`the directory cannot be given to ${user}: ${stderr}`);
  }
  const become = [`--reuid=${user}`, `--regid=${user}`, "--init-groups", Deno.execPath(), ...args];
  return spawn("setpriv", become, { env: { ...env, DENO_DIR: cache } });
}

async function parentOf(pid: number): Promise<number | undefined> {
  try {
    const text = await Deno.readTextFile(`/proc/${pid}/stat`);
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function configuration(directory: string, options: ClusterOptions): Record<string, unknown> {
  const local = (port: number) => `127.0.0.1:${port}`;
  return {
    teleport: {
      nodename: options.nodename ?? "alpha",
      data_dir: `${directory}/data`,
      log: { output: "stderr", severity: "INFO" },
      ...options.teleport,
    },
    auth_service: {
      enabled: "yes",
      cluster_name: options.clusterName ?? "main",
      listen_addr: local(0),
      ...options.auth,
    },
    ssh_service: { enabled: "yes", listen_addr: local(0), ...options.node },
    proxy_service: {
      enabled: "yes",
      listen_addr: local(0),
      web_listen_addr: local(0),
      tunnel_listen_addr: local(0),
      public_addr: local(0),
      ...options.proxy,
    },
  };
}

/** Ends every leftover of a path, for tests that kill daemons. */
export async function killAll(pattern: string): Promise<void> {
  await run("pkill", ["-KILL", "-f", pattern]);
}
