// What the manual tells people to do with OpenSSH's own client and server, done literally.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { accepts, freePort, IS_ROOT, LOGIN } from "../kit/machine.ts";
import { eventually, run, spawn } from "../kit/run.ts";

const cluster = await Daemon.start({ nodename: "alpha" });
const joe = await cluster.user("joe", [LOGIN]);
await joe.loginOk();
const work = await Deno.makeTempDir({ prefix: "openssh-" });
const { proxySsh, node } = await cluster.addresses();
const proxyPort = String(proxySsh?.port);

Deno.test.afterAll(async () => {
  await cluster.stop();
  await Deno.remove(work, { recursive: true });
});

/** `ssh` with nothing from the machine that runs the test. */
const OWN = ["-F", "none", "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=/dev/null"];
const STRICT = ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${work}/known_hosts`];
const home = joe.options.home;

/** Runs ssh with a key of an agent only, as after `ssh-add`. */
async function withAgent<T>(use: (socket: string) => Promise<T>): Promise<T> {
  const socket = `${work}/agent.sock`;
  const { stdout } = await run("ssh-agent", ["-a", socket]);
  try {
    return await use(socket);
  } finally {
    await run("kill", [/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1] ?? ""]);
  }
}

Deno.test("exported host authorities, a filled agent and a ProxyCommand in ssh_config are enough for stock ssh", async () => {
  await Deno.writeTextFile(`${work}/known_hosts`, await cluster.tctlOk("auth", "export", "--type=host"));
  await Deno.writeTextFile(
    `${work}/config`,
    `Host *.main\n  ProxyCommand ssh ${
      [...OWN, ...STRICT].join(" ")
    } -p ${proxyPort} %r@127.0.0.1 -s proxy:%h:%p\n`,
  );
  const config = ["-F", `${work}/config`, ...OWN.slice(2), ...STRICT];
  await withAgent(async (socket) => {
    const env = { HOME: `${home}-agent`, SSH_AUTH_SOCK: socket };
    await joe.loginOk(["--ttl=60"], { SSH_AUTH_SOCK: socket });
    assertMatch((await run("ssh-add", ["-l"], { env })).stdout, /teleport:joe.*\(ED25519-CERT\)/);
    const target = `${LOGIN}@alpha.main`;
    const good = await run("ssh", [...config, target, "echo hello"], { env });
    assertEquals(good.stdout, "hello\n", good.stderr);
    const without = await run("ssh", [...config, target, "true"], { env: { HOME: `${home}-agent` } });
    assertEquals(without.code, 255);
    assertStringIncludes(without.stderr, "Permission denied");
  });
});

Deno.test("the proxy's subsystem is a byte pipe to the node, as netcat would be", async () => {
  const child = spawn("ssh", [
    ...OWN,
    ...STRICT,
    ...["-i", joe.keyFile, "-o", "IdentitiesOnly=yes", "-p", proxyPort],
    ...[`${LOGIN}@127.0.0.1`, "-s", `proxy:alpha:${node?.port}`],
  ]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  child.kill("SIGTERM");
  assertMatch(new TextDecoder().decode(value), /^SSH-2\.0-Teleport\r\n/);
  await Promise.allSettled([reader.cancel(), child.stderr.cancel(), child.stdin.close(), child.status]);
});

Deno.test("certificates name hosts and not addresses: stock ssh is told so by its own check", async () => {
  const ssh = (host: string) =>
    run("ssh", [...joe.sshArgs, "-o", `UserKnownHostsFile=${work}/known_hosts`, `${LOGIN}@${host}`, "true"]);
  assertEquals((await ssh("alpha.main")).code, 0);
  const byAddress = await ssh(`127.0.0.1`);
  assertEquals(byAddress.code, 255);
  assertMatch(
    byAddress.stderr,
    /Certificate invalid: name is not a listed principal|Host key verification failed/,
  );
});

/** Starts sshd with these lines and logs in with the certificate, and with a key that nobody signed. */
async function loginsTo(lines: (ca: string) => readonly string[], authorized: boolean): Promise<void> {
  const exported = await cluster.tctlOk("auth", "export", "--type=user");
  await Deno.writeTextFile(`${work}/user_ca.pub`, exported.replace(/^cert-authority /gm, ""));
  const principals = exported.replace(/^cert-authority /gm, `cert-authority,principals="${LOGIN}" `);
  await Deno.writeTextFile(`${work}/authorized_keys`, authorized ? principals : "");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${work}/host_${authorized}`]);
  const port = freePort();
  if (IS_ROOT) await Deno.mkdir("/run/sshd", { recursive: true });
  await Deno.writeTextFile(
    `${work}/sshd_config`,
    [
      ...[
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${work}/host_${authorized}`,
        `PidFile ${work}/pid`,
      ],
      ...["UsePAM no", "StrictModes no", "PermitRootLogin yes", "PasswordAuthentication no", "UseDNS no"],
      ...lines(`${work}/user_ca.pub`),
      "",
    ].join("\n"),
  );
  const sshd = new Deno.Command("/usr/sbin/sshd", {
    args: ["-D", "-e", "-f", `${work}/sshd_config`],
    stderr: "null",
  })
    .spawn();
  try {
    await eventually("sshd to listen", async () => await accepts(port) || undefined);
    const ssh = (key: string) =>
      run("ssh", [
        ...OWN,
        ...[
          "-o",
          "StrictHostKeyChecking=no",
          "-o",
          "UserKnownHostsFile=/dev/null",
          "-o",
          "IdentitiesOnly=yes",
        ],
        ...["-i", key, "-p", String(port), `${LOGIN}@127.0.0.1`, "echo in"],
      ]);
    assertEquals((await ssh(joe.keyFile)).stdout, "in\n");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${work}/stranger_${authorized}`]);
    assertEquals((await ssh(`${work}/stranger_${authorized}`)).code, 255);
  } finally {
    sshd.kill("SIGTERM");
    await sshd.status;
  }
}

Deno.test("OpenSSH's server takes the cluster's users by TrustedUserCAKeys", async () => {
  await loginsTo((ca) => [`TrustedUserCAKeys ${ca}`, "AuthorizedKeysFile none"], false);
});

Deno.test("OpenSSH's server takes the cluster's users by a cert-authority line in authorized_keys", async () => {
  await loginsTo(() => [`AuthorizedKeysFile ${work}/authorized_keys`], true);
});
