/**
 * The other side of the comparison: OpenSSH's server with a configuration, host key and authorized key of its own, as
 * the current user, on a free port of the loopback address. The route goes through it twice, as it goes through our
 * proxy and our node.
 * @module
 */
import { accepts, freePort, IS_ROOT, LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";
import { processTree } from "./processes.ts";
import { KEX, type Route, withCipher } from "./route.ts";
import type { Setting } from "./setting.ts";

export const SSHD = "/usr/sbin/sshd";
/** The server insists on this directory when it runs as root. */
const PRIVILEGE_SEPARATION = "/run/sshd";

export class SshdPeer {
  private constructor(readonly pid: number, readonly route: Route) {}

  static async start(setting: Setting): Promise<SshdPeer> {
    const directory = await setting.directory();
    const port = freePort();
    for (const name of ["host", "user"]) {
      const args = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", `${directory}/${name}`];
      const { code, stderr } = await run("ssh-keygen", args);
      if (code !== 0) throw new Error(`ssh-keygen failed: ${stderr}`);
    }
    const hostKey = await Deno.readTextFile(`${directory}/host.pub`);
    await Deno.writeTextFile(`${directory}/known_hosts`, `[127.0.0.1]:${port} ${hostKey}`);
    await Deno.writeTextFile(`${directory}/config`, configuration(directory, port));
    if (IS_ROOT) await Deno.mkdir(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
    const { process } = setting.spawn(SSHD, ["-D", "-e", "-f", `${directory}/config`], {
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    await eventually("sshd to listen", async () => await accepts(port) || undefined);
    return new SshdPeer(process.pid, route(directory, port));
  }

  /** The server and the processes of all its sessions. */
  processes(): Promise<number[]> {
    return processTree(this.pid);
  }
}

const shared = new WeakMap<Setting, Promise<SshdPeer>>();

/** The one that all measurements of a run share. */
export function sharedSshd(setting: Setting): Promise<SshdPeer> {
  const peer = shared.get(setting) ?? SshdPeer.start(setting);
  shared.set(setting, peer);
  return peer;
}

function configuration(directory: string, port: number): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${directory}/host`,
    `AuthorizedKeysFile ${directory}/user.pub`,
    `PidFile ${directory}/pid`,
    `KexAlgorithms ${KEX}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin yes",
    "MaxStartups 1000",
    "MaxSessions 1000",
    "UseDNS no",
    "PrintMotd no",
    "PrintLastLog no",
    "LogLevel ERROR",
    "",
  ].join("\n");
}

function route(directory: string, port: number): Route {
  const common = [
    ...["-F", "none", "-i", `${directory}/user`, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${directory}/known_hosts`, "-o", "StrictHostKeyChecking=yes"],
    ...["-o", "GlobalKnownHostsFile=/dev/null", "-o", `KexAlgorithms=${KEX}`, "-p", String(port)],
  ];
  const target = `${LOGIN}@127.0.0.1`;
  const hop = ["ssh", ...common, "-W", "%h:%p", target].join(" ");
  return {
    name: "sshd",
    arguments: (cipher) => [...withCipher([...common, "-o", `ProxyCommand=${hop}`], cipher), target],
  };
}
