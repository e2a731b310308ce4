/**
 * A temporary account of the operating system, for tests that run as root.
 * @module
 */
import { run } from "./run.ts";

export class TemporaryUser implements AsyncDisposable {
  private constructor(readonly name: string, readonly uid: number, readonly home: string) {}

  /** @param groups supplementary groups, which must exist */
  static async create(prefix: string, groups: string[] = []): Promise<TemporaryUser> {
    const name = `${prefix}${crypto.randomUUID().slice(0, 6)}`;
    const home = await Deno.makeTempDir({ prefix: `teleport-home-${name}-` });
    const more = groups.length > 0 ? ["-G", groups.join(",")] : [];
    // A password that nothing matches: one that is locked would lock the account for OpenSSH's server.
    await must("useradd", ["-M", "-d", home, "-s", "/bin/sh", "-p", "*", "-U", ...more, name]);
    const { stdout } = await run("id", ["-u", name]);
    const uid = Number(stdout);
    await must("chown", ["-R", `${name}:`, home]);
    return new TemporaryUser(name, uid, home);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("pkill", ["-KILL", "-u", this.name]); // fails when nothing runs any more
    await must("userdel", ["-f", this.name]);
    await Deno.remove(this.home, { recursive: true });
  }
}

async function must(command: string, args: string[]): Promise<void> {
  const { code, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${stderr}`);
}
