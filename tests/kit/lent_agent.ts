/**
 * A cluster in which somebody lends the ssh-agent to sessions, as `ssh -A` does.
 * @module
 */
import { type CertifiedUser, OwnCluster } from "./certified_user.ts";
import { IS_ROOT, LOGIN } from "./machine.ts";
import { TemporaryUser } from "./os_account.ts";
import type { Result } from "./run.ts";
import { SshAgent } from "./ssh_agent.ts";

export class LentAgent implements AsyncDisposable {
  private constructor(
    readonly cluster: OwnCluster,
    readonly agent: SshAgent,
    /** Whose agent it is. */
    readonly joe: CertifiedUser,
    readonly account: TemporaryUser | undefined,
  ) {}

  /** @param account the OS user that is made for the sessions, where there is root */
  static async start(account: string): Promise<LentAgent> {
    const user = IS_ROOT ? await TemporaryUser.create(account) : undefined;
    const cluster = await OwnCluster.start();
    const agent = await SshAgent.start();
    const joe = await cluster.user("joe", [user?.name ?? LOGIN], ["pty", "agent-forwarding"]);
    return new LentAgent(cluster, agent, joe, user);
  }

  /** Stock ssh with the agent lent to the session. */
  ssh(command: string, args: string[] = []): Promise<Result> {
    return this.joe.ssh(["-A", ...args], [command], { env: this.agent.env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
    await this.account?.[Symbol.asyncDispose]();
  }
}
