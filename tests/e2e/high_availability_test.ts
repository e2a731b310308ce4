// What the manual says of moving a cluster, of several proxies, and of balancers in front of them.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { callWeb, type Ping } from "../../cli/tsh/web.ts";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";
import { balancer, startProxy } from "../kit/several_proxies.ts";

const ping = (port: number) =>
  callWeb<Ping>({ host: "127.0.0.1", port, insecure: true }, "GET", "/webapi/ping");

Deno.test("the data directory on another machine is the same cluster, also under another host name", async () => {
  const [old, moved] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  try {
    const first = await Daemon.start({ directory: old, nodename: "before" });
    let before: string;
    let list: string;
    const joe = await first.user("joe", [LOGIN]);
    try {
      await joe.loginOk();
      before = await first.tctlOk("auth", "export");
      list = await first.tctlOk("users", "ls");
    } finally {
      await first.stop();
    }
    assertEquals((await run("cp", ["-a", `${old}/data`, `${moved}/data`])).code, 0);
    const second = await Daemon.start({ directory: moved, nodename: "after" });
    try {
      assertEquals(await second.tctlOk("users", "ls"), list);
      const keys = (text: string) => text.match(/ssh-ed25519 \S+/g);
      assertEquals(keys(await second.tctlOk("auth", "export")), keys(before));
      const { proxySsh, proxyWeb } = await second.addresses();
      const proxy = `--proxy=127.0.0.1:${proxyWeb?.port},${proxySsh?.port}`;
      await Deno.writeTextFile(
        `${joe.options.home}/.tsh/127.0.0.1.yaml`,
        (await Deno.readTextFile(`${joe.options.home}/.tsh/127.0.0.1.yaml`))
          .replace(/proxy_web_port: \d+/, `proxy_web_port: ${proxyWeb?.port}`)
          .replace(/proxy_port: \d+/, `proxy_port: ${proxySsh?.port}`),
      );
      const { stdout, stderr } = await joe.tsh([
        proxy,
        "ssh",
        `${LOGIN}@after`,
        "echo the certificate of before",
      ]);
      assertEquals(stdout, "the certificate of before\n", stderr);
    } finally {
      await second.stop();
    }
  } finally {
    for (const directory of [old, moved]) await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a certificate of one proxy is good at every other, and one may die", async () => {
  await using cluster = await Daemon.start();
  const other = await startProxy(cluster, "second-proxy");
  let stopped = false;
  try {
    const joe = await cluster.user("joe", [LOGIN]);
    await joe.loginOk();
    const { proxySsh, proxyWeb } = await other.addresses();
    const stock = () =>
      run("ssh", [
        ...["-F", "none", "-i", joe.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
        ...[
          "-o",
          `UserKnownHostsFile=${joe.options.home}/.tsh/known_hosts`,
          "-o",
          "StrictHostKeyChecking=yes",
        ],
        ...[
          "-o",
          `ProxyCommand=ssh ${proxyArguments(joe.keyFile, proxySsh?.port ?? 0)} %r@127.0.0.1 -s proxy:%h:%p`,
        ],
        ...[`${LOGIN}@alpha.main`, "echo by the other"],
      ]);
    await eventually("the second proxy to know the node", async () => {
      const { code } = await stock();
      return code === 0 || undefined;
    });
    assertEquals((await stock()).stdout, "by the other\n");
    assertEquals((await ping(proxyWeb?.port ?? 0)).cluster_name, "main");
    await other.stop();
    stopped = true;
    assertEquals((await joe.tsh(["ssh", `${LOGIN}@alpha`, "echo by the first"])).stdout, "by the first\n");
  } finally {
    if (!stopped) await other.stop();
  }
});

function proxyArguments(key: string, port: number): string {
  return [
    ...["-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
    ...["-p", String(port)],
  ].join(" ");
}

Deno.test("behind a balancer for HTTPS and SSH, users log in and reach nodes by any of the proxies", async () => {
  await using cluster = await Daemon.start();
  await using other = await startProxy(cluster, "second-proxy");
  const [one, two] = [await cluster.addresses(), await other.addresses()];
  const ports = (name: "proxySsh" | "proxyWeb") => [one[name]?.port ?? 0, two[name]?.port ?? 0];
  await using https = await balancer(...ports("proxyWeb"));
  await using ssh = await balancer(...ports("proxySsh"));
  const joe = await cluster.user("joe", [LOGIN]);
  const proxy = `--proxy=127.0.0.1:${https.port},${ssh.port}`;
  const code = `correct horse battery staple\n${await joe.authenticator.code()}\n`;
  const login = await joe.tsh([proxy, "--insecure", "login"], { stdin: code });
  assertEquals(login.code, 0, login.stderr);
  await eventually("both proxies to know the node", async () => {
    const answers = await Promise.all(
      [1, 2].map(() => joe.tsh([proxy, "ssh", `${LOGIN}@alpha`, "echo there"])),
    );
    return answers.every(({ stdout }) => stdout === "there\n") || undefined;
  });
  for (const { taken } of [https, ssh]) assertEquals(taken.every((count) => count > 0), true, `${taken}`);
});

Deno.test("/webapi/ping is a health check: it answers while the proxy is up, and nothing does when it is not", async () => {
  const cluster = await Daemon.start();
  const { proxyWeb } = await cluster.addresses();
  assertEquals((await ping(proxyWeb?.port ?? 0)).cluster_name, "main");
  await cluster.stop();
  const error = await assertRejects(() => ping(proxyWeb?.port ?? 0), Error);
  assertStringIncludes(error.message, "127.0.0.1");
});
