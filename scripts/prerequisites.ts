/**
 * Programs that come from the operating system and not from the package registry. Where it can be done (root on a
 * Debian-like system) they are installed; elsewhere they are named.
 * @module
 */

/** A program and the Debian package that brings it. */
export interface Prerequisite {
  program: string;
  package: string;
  /** Where it lies when it is not in PATH of ordinary users. */
  path?: string;
}

export const SSH: Prerequisite = { program: "ssh", package: "openssh-client" };
export const SSHD: Prerequisite = { program: "sshd", package: "openssh-server", path: "/usr/sbin/sshd" };
export const PROCPS: Prerequisite = { program: "pgrep", package: "procps" };
export const RSYNC: Prerequisite = { program: "rsync", package: "rsync" };
export const GIT: Prerequisite = { program: "git", package: "git" };
export const CURL: Prerequisite = { program: "curl", package: "curl" };
export const XAUTH: Prerequisite = { program: "xauth", package: "xauth" };
export const SFTP_SERVER: Prerequisite = {
  program: "sftp-server",
  package: "openssh-sftp-server",
  path: "/usr/lib/openssh/sftp-server",
};
export const ANSIBLE: Prerequisite = { program: "ansible-playbook", package: "ansible-core" };
export const ZSH: Prerequisite = { program: "zsh", package: "zsh" };
export const FISH: Prerequisite = { program: "fish", package: "fish" };
export const ZBAR: Prerequisite = { program: "zbarimg", package: "zbar-tools" };
export const CHROMIUM: Prerequisite = { program: "chromium", package: "chromium" };
export const ETCD: Prerequisite = { program: "etcd", package: "etcd-server" };
export const ETCDCTL: Prerequisite = { program: "etcdctl", package: "etcd-client" };
/** DynamoDB Local runs on it. */
export const JAVA: Prerequisite = { program: "java", package: "default-jre-headless" };
export const SSH_AUDIT: Prerequisite = { program: "ssh-audit", package: "ssh-audit" };

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isThere({ program, path }: Prerequisite): Promise<boolean> {
  return await succeeds("sh", ["-c", `command -v ${program} || test -x ${path ?? `/usr/bin/${program}`}`]);
}

/** Makes sure that the programs are there. @returns the names of those that are not */
export async function ensure(wanted: readonly Prerequisite[]): Promise<string[]> {
  const missing: Prerequisite[] = [];
  for (const prerequisite of wanted) if (!await isThere(prerequisite)) missing.push(prerequisite);
  if (missing.length === 0) return [];
  const packages = missing.map((prerequisite) => prerequisite.package);
  if (Deno.uid() === 0 && await succeeds("apt-get", ["--version"])) {
    console.log(`installing ${packages.join(", ")}`);
    await succeeds("apt-get", ["update", "-qq"]);
    // Services are not started: the tests run their own.
    await succeeds("env", [
      "DEBIAN_FRONTEND=noninteractive",
      "RUNLEVEL=1",
      ...["apt-get", "install", "-y", "-qq", "--no-install-recommends"],
      ...packages,
    ]);
  }
  const still: string[] = [];
  for (const prerequisite of missing) if (!await isThere(prerequisite)) still.push(prerequisite.package);
  return still;
}
