/**
 * OpenSSH's server on a port of its own, for logins as this user by a key: what to compare ours with.
 * @module
 */
import { accepts, freePort, IS_ROOT } from "./machine.ts";
import { eventually, run } from "./run.ts";

export class StockSshd implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly port: number,
    readonly process: Deno.ChildProcess,
  ) {}

  /** @param lines more lines of its configuration */
  static async start(lines: readonly string[] = []): Promise<StockSshd> {
    const directory = await Deno.makeTempDir({ prefix: "stock-sshd-" });
    const port = freePort();
    for (const name of ["host", "user"]) {
      const { code, stderr } = await run("ssh-keygen", [
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-f",
        `${directory}/${name}`,
      ]);
      if (code !== 0) throw new Error(`ssh-keygen failed: ${stderr}`);
    }
    const configuration = [
      ...[`Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${directory}/host`, `PidFile ${directory}/pid`],
      ...[`AuthorizedKeysFile ${directory}/user.pub`, "StrictModes no", "UsePAM no", "PermitRootLogin yes"],
      ...["PasswordAuthentication no", "UseDNS no", "PrintMotd no", "PrintLastLog no", "MaxStartups 1000"],
      ...["Subsystem sftp internal-sftp", "AcceptEnv LANG LC_*", ...lines],
    ];
    await Deno.writeTextFile(`${directory}/config`, `${configuration.join("\n")}\n`);
    if (IS_ROOT) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    const args = ["-D", "-e", "-f", `${directory}/config`];
    const process = new Deno.Command("/usr/sbin/sshd", { args, stdin: "null", stderr: "null" }).spawn();
    await eventually("sshd to listen", async () => await accepts(port) || undefined);
    return new StockSshd(directory, port, process);
  }

  /** What every call of `ssh` needs, before the target `login@127.0.0.1`. */
  get arguments(): string[] {
    return [
      ...["-F", "none", "-i", `${this.directory}/user`, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
      ...["-p", String(this.port)],
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGTERM");
    await this.process.status;
    await Deno.remove(this.directory, { recursive: true });
  }
}
