/**
 * A running cluster whose user CA a test holds, and people with certificates that the test makes up: what no login would
 * give them, or less than every login gives.
 * @module
 */
import { EXTENSION } from "../../src/model/authority.ts";
import { ADMIN_ROLE } from "../../src/model/user.ts";
import type { Permit } from "../../src/model/identity.ts";
import { formatCertificateLine, issueCertificate } from "../../src/ssh/certificate.ts";
import { formatPrivateKey, generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { type ConnectOptions, connectSsh, type Credential, type SshClient } from "../../src/ssh/client.ts";
import { authorityKeys, dial, putUsers } from "./admin.ts";
import { type ClusterOptions, Daemon } from "./cluster.ts";
import { eventually, type Result, run, type RunOptions, spawn } from "./run.ts";
import { saidAtLast } from "./text_service.ts";

const HOUR = 3600;

/** What a certificate may say beside logins and permits. */
export interface Certified {
  /** The default is the built-in role. */
  roles?: string[];
  /** For how long it is valid. */
  seconds?: number;
}

export class OwnCluster implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    public daemon: Daemon,
    readonly authorities: Record<"user" | "host", PrivateKey>,
    readonly options: Omit<ClusterOptions, "directory">,
  ) {}

  static async start(options: Omit<ClusterOptions, "directory"> = {}): Promise<OwnCluster> {
    const directory = await Deno.makeTempDir({ prefix: "teleport-own-" });
    await Deno.chmod(directory, 0o711); // other users' programs lie below
    await (await Daemon.start({ ...options, directory })).stop();
    const authorities = await authorityKeys(`${directory}/data`);
    return new OwnCluster(directory, await Daemon.start({ ...options, directory }), authorities, options);
  }

  /** Starts the daemon anew, after a test has ended it. */
  async restart(): Promise<void> {
    this.daemon = await Daemon.start({ ...this.options, directory: this.directory });
  }

  /**
   * Somebody with a record in the cluster.
   * @param principals the OS users it may become
   */
  async user(
    name: string,
    principals: string[],
    permits: Permit[],
    forceCommand?: string,
    { roles = [ADMIN_ROLE], seconds = HOUR }: Certified = {},
  ): Promise<CertifiedUser> {
    await putUsers(this.daemon, { name, logins: principals, roles });
    const key = generateKey();
    const now = Math.floor(Date.now() / 1000);
    const certificate = issueCertificate(this.authorities.user, {
      kind: "user",
      key: key.publicKey,
      keyId: name,
      principals,
      validAfter: now - HOUR,
      validBefore: now + seconds,
      criticalOptions: forceCommand === undefined ? {} : { "force-command": forceCommand },
      extensions: {
        ...Object.fromEntries(permits.map((permit) => [`permit-${permit}`, ""])),
        [EXTENSION.roles]: JSON.stringify({ version: "v1", roles }),
      },
    });
    const home = `${this.directory}/home-${name}`;
    await Deno.mkdir(home, { mode: 0o700 });
    await Deno.writeTextFile(`${home}/key`, formatPrivateKey(key), { mode: 0o600 });
    await Deno.writeTextFile(`${home}/key-cert.pub`, `${formatCertificateLine(certificate)}\n`);
    const hostCa = this.authorities.host.publicKey.toLine();
    await Deno.writeTextFile(`${home}/known_hosts`, `@cert-authority * ${hostCa}\n`);
    const { proxySsh } = await this.daemon.addresses();
    return new CertifiedUser(name, home, principals[0] ?? "", proxySsh?.port ?? 0, { key, certificate });
  }

  /** Our own client, logged in to the node. */
  async connect(user: CertifiedUser, options: Partial<ConnectOptions> = {}): Promise<SshClient> {
    const { node } = await this.daemon.addresses();
    return await connectSsh({
      stream: await dial(node?.port ?? 0),
      username: user.login,
      credential: user.credential,
      verifyHost: () => {},
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Somebody with stock ssh, a key and a certificate. */
export class CertifiedUser {
  constructor(
    readonly name: string,
    readonly home: string,
    readonly login: string,
    readonly proxyPort: number,
    readonly credential: Credential,
  ) {}

  get keyFile(): string {
    return `${this.home}/key`;
  }

  /** What every ssh of this person is told. */
  get options(): string[] {
    return [
      ...["-F", "none", "-i", this.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...["-o", `UserKnownHostsFile=${this.home}/known_hosts`, "-o", "StrictHostKeyChecking=yes"],
      ...["-o", "GlobalKnownHostsFile=/dev/null"],
    ];
  }

  /** The same, through the proxy. */
  get throughProxy(): string[] {
    const port = `${this.proxyPort}`;
    const proxy = ["ssh", ...this.options, "-p", port, `${this.login}@127.0.0.1`, "-s", "proxy:%h:%p"];
    return [...this.options, "-o", `ProxyCommand=${proxy.join(" ")}`];
  }

  get target(): string {
    return `${this.login}@alpha.main`;
  }

  /** Stock ssh through the proxy to the node. */
  ssh(args: readonly string[], command: string[] = [], options: RunOptions = {}): Promise<Result> {
    const words = [...this.throughProxy, ...args, this.target, ...command];
    return run("ssh", words, { ...options, env: { HOME: this.home, ...options.env } });
  }

  /** The same in the background. */
  sshInBackground(
    args: readonly string[],
    command: string[] = [],
    env: Record<string, string> = {},
  ): BackgroundSsh {
    // A forward that fails would otherwise be waited for in vain.
    const options = [...this.throughProxy, "-o", "ExitOnForwardFailure=yes"];
    const words = [...options, ...args, this.target, ...command];
    return new BackgroundSsh(words, { HOME: this.home, ...env });
  }
}

/** A stock ssh that runs until it is told to end. */
export class BackgroundSsh implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #allSaid: Promise<unknown>;
  #stdout = "";
  #stderr = "";

  constructor(args: readonly string[], env: Record<string, string>) {
    this.#child = spawn("ssh", args, { env });
    this.#allSaid = Promise.all([
      collect(this.#child.stdout, (text) => this.#stdout += text),
      collect(this.#child.stderr, (text) => this.#stderr += text),
    ]);
  }

  /** Its first line, without the end. */
  firstLine(): Promise<string> {
    return this.#whileItRuns(eventually("a first line", () => /^.*?(?=\r?\n)/.exec(this.#stdout)?.[0]));
  }

  /** What is said at a port or a socket that it serves, once it does. */
  said(where: number | string): Promise<string> {
    return this.#whileItRuns(saidAtLast(where));
  }

  /** Settles once standard error has held `pattern` so often. */
  async reported(pattern: RegExp, times: number): Promise<void> {
    const often = () => [...this.#stderr.matchAll(pattern)].length >= times || undefined;
    await this.#whileItRuns(eventually(`${times} times ${pattern}`, often));
  }

  async #whileItRuns<T>(what: Promise<T>): Promise<T> {
    const ended = this.#child.status.then(async () => {
      await this.#allSaid;
      throw new Error(`ssh ended too early: ${this.#stderr}`);
    });
    return await Promise.race([what, ended]);
  }

  /** Lets it do nothing any more, without an end. */
  stop(): void {
    Deno.kill(-this.#child.pid, "SIGSTOP");
  }

  /**
   * Ends it and what it has started, for good: OpenSSH's client can miss a TERM that comes just before it waits.
   * @returns what it said on standard error
   */
  async end(): Promise<string> {
    try {
      Deno.kill(-this.#child.pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended
    }
    await this.#child.status;
    await this.#child.stdin.close().catch(() => {}); // the other end is gone
    await this.#allSaid;
    return this.#stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

async function collect(stream: AsyncIterable<Uint8Array>, add: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}
