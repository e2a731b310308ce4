/**
 * A cluster whose proxies record, with a server of OpenSSH in it.
 * @module
 */
import { type ClusterOptions, Daemon } from "./cluster.ts";
import { IS_ROOT, LOGIN } from "./machine.ts";
import { TemporaryUser } from "./os_account.ts";
import type { Result, RunOptions } from "./run.ts";
import { run } from "./run.ts";
import { SshAgent } from "./ssh_agent.ts";
import { StockSshd } from "./stock_sshd.ts";
import type { User } from "./user.ts";

/** Where its servers of OpenSSH are: the cluster's own hosts go by 127.0.0.1. */
export const HOST = "127.0.0.2";

export class RecordingCluster implements AsyncDisposable {
  private constructor(
    public daemon: Daemon,
    readonly account: TemporaryUser | undefined,
    /** Has a login, and an agent that holds it. */
    readonly joe: User,
    readonly agent: SshAgent,
  ) {}

  /** @param account the OS user that is made for sessions, where there is root */
  static async start(
    account: string,
    { auth, proxy, ...options }: ClusterOptions = {},
  ): Promise<RecordingCluster> {
    const user = IS_ROOT ? await TemporaryUser.create(account) : undefined;
    const daemon = await Daemon.start({
      auth: { session_recording: "proxy", ...auth },
      proxy: { allow_unregistered_nodes: "yes", ...proxy },
      ...options,
    });
    const joe = await daemon.user("joe", [user?.name ?? LOGIN]);
    await joe.loginOk();
    const agent = await SshAgent.start();
    await agent.add(joe.keyFile);
    const known = await daemon.tctlOk("auth", "export", "--type=host");
    const everywhere = known.replace(/^@cert-authority \S+/gm, "@cert-authority *");
    await Deno.writeTextFile(`${daemon.directory}/known_hosts`, everywhere);
    const authority = (await daemon.tctlOk("auth", "export", "--type=user")).replace(
      /^cert-authority /gm,
      "",
    );
    await Deno.writeTextFile(`${daemon.directory}/user_ca.pub`, authority);
    return new RecordingCluster(daemon, user, joe, agent);
  }

  /** Starts the daemon anew, after a test has ended it; the cluster's directory must be the test's own. */
  async restart(): Promise<void> {
    this.daemon = await Daemon.start(this.daemon.options);
  }

  /** The OS user of sessions. */
  get login(): string {
    return this.account?.name ?? LOGIN;
  }

  /** What makes a server of OpenSSH trust the cluster's users. */
  get trustingLines(): string[] {
    return [`ListenAddress ${HOST}`, `TrustedUserCAKeys ${this.daemon.directory}/user_ca.pub`];
  }

  /** A server of OpenSSH that trusts the cluster's users, and shows a certificate of the cluster. */
  async sshd(lines: readonly string[] = []): Promise<StockSshd> {
    const key = `${this.daemon.directory}/sshd_host_key`;
    await this.daemon.tctlOk("auth", "sign", `--host=${HOST}`, "--format=openssh", `--out=${key}`);
    const own = [`HostKey ${key}`, `HostCertificate ${key}-cert.pub`];
    return await StockSshd.start([...this.trustingLines, ...own, ...lines]);
  }

  /** Options of every stock ssh: strict about hosts, with what is in the agent. */
  get common(): string[] {
    return [
      ...["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
      ...["-o", `UserKnownHostsFile=${this.daemon.directory}/known_hosts`],
      ...["-o", "GlobalKnownHostsFile=/dev/null"],
    ];
  }

  /** The manual's recipe. @param forwardAgent whether the ssh to the proxy forwards the agent */
  proxyCommand(forwardAgent = true): string {
    const forward = forwardAgent ? ["-o", "ForwardAgent=yes"] : [];
    const { sshPort } = this.joe.options;
    const words = [...this.common, ...forward, "-p", `${sshPort}`, "%r@127.0.0.1", "-s", "proxy:%h:%p"];
    return ["ssh", ...words].join(" ");
  }

  /** Options of ssh, sftp and scp that lead through the proxy. */
  throughProxy(forwardAgent = true): string[] {
    return [...this.common, "-o", `ProxyCommand=${this.proxyCommand(forwardAgent)}`];
  }

  get env(): Record<string, string> {
    return { HOME: this.joe.options.home, ...this.agent.env };
  }

  /** Stock ssh with the agent. */
  ssh(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return run("ssh", [...this.throughProxy(), ...args], {
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  /** What was recorded of a session. */
  async played(sid: string): Promise<string> {
    return (await this.joe.tsh(["play", "--raw", sid])).stdout;
  }

  /** The names of all recordings' files. */
  async recordings(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(`${this.daemon.dataDir}/log/sessions/default`)) {
      names.push(name);
    }
    return names;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.daemon.stop();
    await this.account?.[Symbol.asyncDispose]();
  }
}
