// Tunnels between clusters: several proxies, balancers, names with several addresses, HTTP proxies, crashes, rotations.
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { Daemon } from "../kit/cluster.ts";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { LoggingProxy } from "../kit/connect_proxy.ts";
import { accepts, freePort, IS_ROOT, LOGIN, withoutRoot } from "../kit/machine.ts";
import { eventually, programArgs, run } from "../kit/run.ts";
import { balancer, startProxy } from "../kit/several_proxies.ts";
import { endAll, replaced } from "../kit/succession.ts";
import { pairFor } from "../kit/tls_pair.ts";
import { pair, seenStatus, startEast, startMain, trustFile, untilStatus } from "../kit/trusted_clusters.ts";
import type { User } from "../kit/user.ts";

/** How many tunnels end at a proxy or begin there, as `tctl get tunnels` of its cluster has them. */
async function tunnelsOf(cluster: Daemon): Promise<{ proxy?: string }[]> {
  const documents = JSON.parse(await cluster.tctlOk("get", "tunnels", "--format=json"));
  return documents.map(({ spec }: { spec: { proxy?: string } }) => spec);
}

async function echo(user: User, node: string, args: string[] = ["--cluster=east"]): Promise<string> {
  const { stdout, stderr } = await user.tsh([...args, "ssh", `${LOGIN}@${node}`, "echo there"]);
  return stdout === "" ? stderr : stdout;
}

const reaches = (user: User, node: string, args?: string[]) =>
  eventually(
    `${node} to be reached`,
    async () => await echo(user, node, args) === "there\n" || undefined,
    40_000,
  );

Deno.test("the trusting cluster keeps a tunnel to every proxy behind one balancer, and a killed one comes back", async () => {
  await using main = await startMain();
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  const port = freePort();
  const [ssh, web] = [freePort(), freePort()].map((port) => `127.0.0.1:${port}`);
  const fixed = { listen_addr: ssh, web_listen_addr: web, tunnel_listen_addr: `127.0.0.1:${port}` };
  let second = await startProxy(main, "second", { directory, proxy: fixed });
  try {
    await using east = await startEast();
    const tunnelPort = (await main.addresses()).proxyTunnel?.port ?? 0;
    await using shared = await balancer(tunnelPort, port);
    await pair(main, east, { tunnel_addr: `127.0.0.1:${shared.port}` });
    const joe = await main.user("joe", [LOGIN]);
    await joe.loginOk();
    const both = async () =>
      new Set((await tunnelsOf(main)).map(({ proxy }) => proxy)).size === 2 || undefined;
    await eventually("a tunnel to either proxy", both);
    assertEquals(await seenStatus(joe, "east"), "online");
    const { proxySsh, proxyWeb } = await second.addresses();
    const bySecond = [`--proxy=127.0.0.1:${proxyWeb?.port},${proxySsh?.port}`];
    await joe.loginOk(bySecond);
    const sites = await joe.tsh([...bySecond, "clusters"]);
    assertMatch(sites.stdout, /east +online/);
    await reaches(joe, "db1", [...bySecond, "--cluster=east"]);

    // One of them dies without a word, and is there again.
    await second.signal("SIGKILL");
    second = await startProxy(main, "second", { directory, proxy: fixed });
    await reaches(joe, "db1", [...bySecond, "--cluster=east"]);
    assertMatch((await joe.tsh([...bySecond, "clusters"])).stdout, /east +online/);
  } finally {
    await second.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: "a name with two addresses has a tunnel to the proxy at each of them",
  ignore: withoutRoot("a hosts file of one's own takes a mount namespace"),
  async fn() {
    assert(IS_ROOT);
    const port = freePort();
    await using main = await startMain({ proxy: { tunnel_listen_addr: `127.0.0.2:${port}` } });
    await using _second = await startProxy(main, "second", {
      proxy: { tunnel_listen_addr: `127.0.0.3:${port}` },
    });
    const hosts = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(hosts, "127.0.0.1 localhost\n127.0.0.2 twice.test\n127.0.0.3 twice.test\n");
      const script = `mount --bind ${hosts} /etc/hosts && exec "$@"`;
      await using east = await startEast({ launcher: ["unshare", "--mount", "sh", "-c", script, "sh"] });
      await pair(main, east, { tunnel_addr: `twice.test:${port}` });
      await eventually(
        "a tunnel to either address",
        async () => new Set((await tunnelsOf(main)).map(({ proxy }) => proxy)).size === 2 || undefined,
      );
    } finally {
      await Deno.remove(hosts);
    }
  },
});

Deno.test({
  name: "a cluster behind a firewall that lets nothing in is reached all the same",
  ignore: withoutRoot("a network of one's own takes root"),
  async fn() {
    const id = crypto.randomUUID().slice(0, 6);
    const [space, outside, inside] = [`east-${id}`, `te-o${id}`, `te-i${id}`];
    const ip = async (...args: string[]) => {
      const { code, stderr } = await run("ip", args);
      if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
    };
    await ip("netns", "add", space);
    try {
      await ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", space);
      await ip("addr", "add", "10.213.77.1/30", "dev", outside);
      await ip("link", "set", outside, "up");
      await ip("-n", space, "addr", "add", "10.213.77.2/30", "dev", inside);
      await ip("-n", space, "link", "set", inside, "up");
      await ip("-n", space, "link", "set", "lo", "up");
      const anywhere = { web_listen_addr: "0.0.0.0:0", tunnel_listen_addr: "0.0.0.0:0" };
      await using main = await startMain({ proxy: anywhere });
      // It listens on its loopback alone, and that is one of its own.
      await using east = await startEast({ launcher: ["ip", "netns", "exec", space] });
      const { proxyWeb, proxyTunnel } = await main.addresses();
      const file = await trustFile(main, east, {
        tunnel_addr: `10.213.77.1:${proxyTunnel?.port}`,
        web_proxy_addr: `10.213.77.1:${proxyWeb?.port}`,
      });
      const tctl = programArgs("tctl", ["-c", east.configFile, "create", file]);
      const created = await run("ip", ["netns", "exec", space, Deno.execPath(), ...tctl]);
      assertEquals(created.code, 0, created.stderr);
      await untilStatus(main, "east", "online");
      const joe = await main.user("joe", [LOGIN]);
      await joe.loginOk();
      await reaches(joe, "db1");
      for (const at of Object.values(await east.addresses())) {
        assertEquals(await accepts(at.port, "10.213.77.2"), false);
        assertEquals(await accepts(at.port), false);
      }
    } finally {
      await run("ip", ["link", "del", outside]);
      await ip("netns", "del", space);
    }
  },
});

Deno.test("tunnel and pairing go through the HTTP proxy of the environment, also one on this machine that wants a login", async () => {
  await using proxy = await LoggingProxy.start({ login: "user:secret" });
  await using main = await startMain();
  await using east = await startEast({ env: { HTTPS_PROXY: proxy.url } });
  await pair(main, east);
  const { proxyWeb, proxyTunnel } = await main.addresses();
  assert(proxy.asked.includes(`127.0.0.1:${proxyWeb?.port}`), `the pairing: ${proxy.asked}`);
  assert(proxy.asked.includes(`127.0.0.1:${proxyTunnel?.port}`), `the tunnel: ${proxy.asked}`);
  const joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  await reaches(joe, "db1");
});

Deno.test("a proxy of the scheme https is spoken to by TLS", async () => {
  const tls = await pairFor("localhost");
  await using proxy = await LoggingProxy.start({ tls });
  await using main = await startMain();
  const file = `${main.directory}/proxy-ca.pem`;
  await Deno.writeTextFile(file, tls.cert);
  await using east = await startEast({
    env: { HTTPS_PROXY: proxy.url, SSL_CERT_FILE: file, DENO_CERT: file },
  });
  await pair(main, east);
  const { proxyWeb, proxyTunnel } = await main.addresses();
  const wanted = [proxyWeb, proxyTunnel].map((at) => `127.0.0.1:${at?.port}`);
  assert(wanted.every((target) => proxy.asked.includes(target)), `${proxy.asked}`);
  await using west = await startEast({
    clusterName: "west",
    nodename: "db2",
    env: { HTTPS_PROXY: proxy.url },
  });
  const before = proxy.asked.length;
  const { stderr } = await west.tctl("create", await trustFile(main, west));
  assertStringIncludes(stderr, "no TLS with the HTTP proxy", "one that nobody vouches for is not used");
  assertEquals(proxy.asked.length, before);
});

Deno.test("HTTP_PROXY alone will do, a bare host:port is http, and NO_PROXY keeps what it names off it", async () => {
  await using proxy = await LoggingProxy.start();
  await using main = await startMain();
  const bare = `127.0.0.1:${proxy.port}`;
  await using east = await startEast({ env: { HTTP_PROXY: bare } });
  await using west = await startEast({
    clusterName: "west",
    nodename: "db2",
    env: { HTTP_PROXY: bare, NO_PROXY: "127.0.0.1" },
  });
  await pair(main, east);
  const { proxyWeb, proxyTunnel } = await main.addresses();
  const wanted = [proxyWeb, proxyTunnel].map((at) => `127.0.0.1:${at?.port}`);
  assert(wanted.every((target) => proxy.asked.includes(target)), `${proxy.asked}`);
  const before = proxy.asked.length;
  await pair(main, west);
  assertEquals(proxy.asked.length, before);
  // Three clusters: both are there for the users of the one, and neither for the other.
  const joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  assertMatch((await joe.tsh(["clusters", "-q"])).stdout, /^main online\neast online\nwest online\n$/);
  await reaches(joe, "db1");
  await reaches(joe, "db2", ["--cluster=west"]);
  assertStringIncludes(await echo(joe, "db2", ["--cluster=east"]), "db2");
});

Deno.test("a self-signed web address is refused, but with --insecure, and an authority of the system is believed", async () => {
  await using main = await startMain();
  await using east = await startEast({ args: [] });
  const { stderr, code } = await east.tctl("create", await trustFile(main, east));
  assertNotEquals(code, 0);
  assertStringIncludes(stderr, "the trusted cluster uses misconfigured HTTP/TLS certificate");
  // The certificate that main has made for itself, as an authority.
  const authority = `${main.dataDir}/proxy/webproxy_cert.pem`;
  await using west = await startEast({
    clusterName: "west",
    nodename: "db2",
    args: [],
    env: { SSL_CERT_FILE: authority },
  });
  await pair(main, west, { web_proxy_addr: `localhost:${(await main.addresses()).proxyWeb?.port}` });
});

Deno.test("tunnels may come in on the web port", async () => {
  const port = freePort();
  const at = `127.0.0.1:${port}`;
  await using main = await startMain({
    proxy: { web_listen_addr: at, tunnel_listen_addr: at, public_addr: at },
  });
  assertEquals((await main.addresses()).proxyTunnel, undefined);
  await using east = await startEast();
  await pair(main, east);
  const joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  await reaches(joe, "db1");
});

Deno.test("a tunnel that breaks, a cluster that is killed: both are back within seconds", async () => {
  const [mainDirectory, eastDirectory] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const [ssh, web, tunnel] = [freePort(), freePort(), freePort()].map((port) => `127.0.0.1:${port}`);
  const proxy = { listen_addr: ssh, web_listen_addr: web, public_addr: web, tunnel_listen_addr: tunnel };
  let main = await startMain({ directory: mainDirectory, proxy });
  let east = await startEast({ directory: eastDirectory });
  try {
    await pair(main, east);
    const joe = await main.user("joe", [LOGIN]);
    await joe.loginOk();
    await reaches(joe, "db1");
    const established = async () => {
      const { stdout } = await run("ss", ["-Htnp", "state", "established", `dst = ${tunnel}`]);
      return stdout.split("\n").filter(Boolean).length;
    };
    assertEquals(await established(), 1, "one connection from east to main");
    await run("ss", ["-K", "dst", "127.0.0.1", "dport", "=", `${tunnel?.split(":")[1]}`]);
    await reaches(joe, "db1");
    await east.signal("SIGKILL");
    await untilStatus(main, "east", "offline");
    east = await startEast({ directory: eastDirectory });
    await reaches(joe, "db1");
    await main.signal("SIGKILL");
    main = await startMain({ directory: mainDirectory, proxy });
    await reaches(joe, "db1");
    assertEquals(await seenStatus(joe, "east"), "online");
  } finally {
    await Promise.all([main.stop(), east.stop()]);
    for (const directory of [mainDirectory, eastDirectory]) await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a rotation on either side, phase by phase, leaves the tunnel and its users alone", async () => {
  await using main = await startMain();
  await using east = await startEast();
  await pair(main, east);
  const joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  await reaches(joe, "db1");
  for (const [name, cluster] of [["main", main], ["east", east]] as const) {
    for (const phase of ["init", "update_clients", "update_servers", "standby"]) {
      const learned = async () =>
        (await (name === "main" ? east : main).events()).filter(({ event }) => event === "cluster.keys")
          .length;
      const before = await learned();
      await cluster.tctlOk("auth", "rotate", "--manual", `--phase=${phase}`);
      if (phase === "init" || phase === "standby") {
        await eventually(
          `the other side to learn of ${name}'s ${phase}`,
          async () => await learned() > before || undefined,
        );
      }
      // Users log in anew before the old key goes.
      if (name === "main" && phase === "update_servers") await joe.loginOk(["--ttl=60"]);
      await reaches(joe, "db1");
      assertEquals(await seenStatus(joe, "east"), "online", `${name} ${phase}`);
    }
  }
});

Deno.test("an authority that is replaced at once is learned all the same, while the tunnel stands", async () => {
  await using main = await startMain();
  await using east = await startEast();
  await pair(main, east);
  const joe = await main.user("joe", [LOGIN]);
  const { proxySsh, proxyWeb } = await main.addresses();
  for (const cluster of [main, east]) {
    await cluster.tctlOk("auth", "rotate", "--grace-period=0h");
    const identity = `${main.directory}/${crypto.randomUUID()}.pem`;
    await main.tctlOk("auth", "sign", "--user=joe", `--out=${identity}`);
    const proxy = `--proxy=127.0.0.1:${proxyWeb?.port},${proxySsh?.port}`;
    await reaches(joe, "db1", ["-i", identity, proxy, "--cluster=east"]);
  }
});

Deno.test("a daemon that hands over to another keeps sessions through the tunnel, and new ones come by the new daemon", async () => {
  const directories = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const [ssh, web, tunnel] = [freePort(), freePort(), freePort()].map((port) => `127.0.0.1:${port}`);
  const proxy = { listen_addr: ssh, web_listen_addr: web, public_addr: web, tunnel_listen_addr: tunnel };
  const main = await startMain({ directory: directories[0] ?? "", proxy });
  const east = await startEast({ directory: directories[1] ?? "" });
  try {
    await pair(main, east);
    const joe = await main.user("joe", [LOGIN]);
    await joe.loginOk();
    using terminal = await LiveTerminal.open(joe, LOGIN, { host: "db1", cluster: "east" });
    terminal.type("echo re''ady\n");
    await terminal.shows("ready");
    for (const daemon of [main, east]) {
      await replaced(daemon, "SIGHUP");
      await reaches(joe, "db1");
      terminal.type("echo still''here\n");
      await terminal.shows("stillhere");
      terminal.text = "";
    }
    terminal.type("exit\n");
    await terminal.exit;
  } finally {
    for (const daemon of [main, east]) await endAll(daemon);
    for (const directory of directories) await Deno.remove(directory, { recursive: true });
  }
});
