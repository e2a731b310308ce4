import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { dial } from "../kit/admin.ts";
import { ending, joinToken, spawnNode, startNode } from "../kit/second_node.ts";

let cluster: Daemon;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
});

Deno.test.afterAll(() => cluster.stop());

Deno.test("a node joins with a token of tctl, is reached by tsh and stock ssh, and keeps its identity over a restart", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-beta-" });
  try {
    const joe = await cluster.user("joe", [LOGIN]);
    await joe.loginOk();
    const token = await joinToken(cluster, "--ttl=5m");
    const beta = { nodename: "beta", directory };
    let hostId: string;
    {
      await using _node = await startNode(cluster, { ...beta, token });
      hostId = (await Deno.readTextFile(`${directory}/data/host_uuid`)).trim();
      const list = await joe.tsh(["ls"]);
      assertMatch(list.stdout, /alpha +[0-9a-f-]{36} /);
      assertStringIncludes(list.stdout, hostId);
      const command = await joe.tsh(["ssh", `${LOGIN}@beta`, 'echo "$SSH_TELEPORT_HOST_UUID"']);
      assertEquals(command.stdout, `${hostId}\n`);
      const stock = await joe.ssh(`${LOGIN}@beta`, 'echo "$SSH_TELEPORT_HOST_UUID"');
      assertEquals(stock, { ...stock, code: 0, stdout: `${hostId}\n` });
      const byId = await joe.tsh(["ssh", `${LOGIN}@${hostId}`, "echo by id"]);
      assertEquals(byId.stdout, "by id\n");
    }
    const join = await cluster.event("host.join", (event) => event.name === "beta");
    assertEquals(join.server_id, hostId);
    assertNotEquals(join.token, token, "the log names the token without giving it away");
    {
      await using node = await startNode(cluster, beta);
      assertEquals((await Deno.readTextFile(`${directory}/data/host_uuid`)).trim(), hostId);
      const again = await joe.tsh(["ssh", `${LOGIN}@beta`, "echo still a member"]);
      assertEquals(again.stdout, "still a member\n", again.stderr + node.stderr);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a node that cannot join ends with exit code 1 and says why", async () => {
  const removed = await joinToken(cluster);
  await cluster.tctlOk("tokens", "del", removed);
  const expired = await joinToken(cluster, "--ttl=1s");
  const proxyOnly = await joinToken(cluster, "--roles=proxy");
  const good = await joinToken(cluster);
  await eventually("the short token to expire", async () => {
    const text = await cluster.tctlOk("tokens", "ls");
    return !text.includes(expired) || undefined;
  });

  const cases = [
    { what: "a wrong token", token: "0123456789abcdef0123456789abcdef", says: /join token is not known/ },
    { what: "an expired token", token: expired, says: /join token expired at \d{4}-/ },
    { what: "a removed token", token: removed, says: /join token was removed/ },
    { what: "a token for other roles", token: proxyOnly, says: /does not allow the role "node"/ },
    { what: "no token", token: undefined, says: /has no join token/ },
    { what: "another CA's pin", token: good, pins: [`sha256:${"0".repeat(64)}`], says: /no --ca-pin names/ },
    { what: "the name of a running node", token: good, nodename: "alpha", says: /called "alpha" already/ },
    { what: "the cluster's own name", token: good, nodename: "main", says: /belongs to the cluster/ },
  ];
  for (const { what, token, pins, nodename = "epsilon", says } of cases) {
    await using node = await spawnNode(cluster, { nodename, token, pins });
    const { code, stderr } = await ending(node);
    assertEquals(code, 1, what);
    assertMatch(stderr, says, what);
    if (token !== undefined) assert(!stderr.includes(token), `${what}: the token is not repeated`);
    assertMatch(stderr, /^error: /m, what);
  }
  const nodes = JSON.parse(await cluster.tctlOk("nodes", "ls", "--format=json"));
  assertEquals(nodes.map(({ name }: { name: string }) => name).filter((name: string) => name !== "beta"), [
    "alpha",
  ]);
  const refusals = (await cluster.events()).filter((event) =>
    event.event === "auth" && event.success === false
  );
  assert(refusals.some((event) => /expired/.test(String(event.error))), "refused joins are in the audit log");
});

Deno.test("a node joins when its pin is the cluster's", async () => {
  const { caPins } = JSON.parse(await cluster.tctlOk("status", "--format=json"));
  const token = await joinToken(cluster);
  await using _node = await startNode(cluster, { nodename: "pinned", token, pins: caPins });
  await cluster.event("host.join", (event) => event.name === "pinned");
});

Deno.test("a name that no node has gets a clear answer from tsh and through stock ssh", async () => {
  const ann = await cluster.user("ann", [LOGIN]);
  await ann.loginOk();
  const tsh = await ann.tsh(["ssh", `${LOGIN}@nowhere`, "true"]);
  assertEquals(tsh.code, 1);
  assertStringIncludes(tsh.stderr, 'no node is called "nowhere"');
  const stock = await ann.ssh(`${LOGIN}@nowhere`, "true");
  assertEquals(stock.code, 255);
  assertStringIncludes(stock.stderr, "no node is called");
});

Deno.test("an address that two nodes share needs the port, and tsh lists the candidates", async () => {
  const token = await joinToken(cluster);
  await using node = await startNode(cluster, { nodename: "delta", token });
  const bob = await cluster.user("bob", [LOGIN]);
  await bob.loginOk();
  const { node: address } = await node.addresses();
  const stock = await bob.ssh(`${LOGIN}@127.0.0.1`, "true", { args: ["-o", "HostKeyAlias=delta.main"] });
  assertEquals(stock.code, 255);
  const ambiguous = await bob.tsh(["ssh", `${LOGIN}@127.0.0.1`, "true"]);
  assertEquals(ambiguous.code, 1);
  assertMatch(ambiguous.stderr, /several nodes|ambiguous/);
  const one = await bob.tsh([
    "ssh",
    "-p",
    String(address?.port),
    `${LOGIN}@127.0.0.1`,
    "echo",
    "one of them",
  ]);
  assertEquals(one.stdout, "one of them\n", one.stderr);
});

Deno.test("a node whose auth server is away at its first start waits for it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-late-" });
  try {
    let token: string;
    let port: number;
    {
      await using first = await Daemon.start({ directory });
      token = await joinToken(first);
      port = (await first.addresses()).auth?.port ?? 0;
    }
    await using node = await Daemon.spawn({
      nodename: "early",
      teleport: { auth_servers: [`127.0.0.1:${port}`], auth_token: token },
      auth: { enabled: "no" },
      proxy: { enabled: "no" },
    });
    await eventually(
      "the node to report that it cannot join yet",
      () => /cannot join yet/.test(node.stderr) || undefined,
    );
    await using second = await Daemon.start({ directory, auth: { listen_addr: `127.0.0.1:${port}` } });
    await node.ready();
    await eventually("the node to be listed", async () => {
      const nodes = JSON.parse(await second.tctlOk("nodes", "ls", "--format=json"));
      return nodes.some(({ name }: { name: string }) => name === "early") || undefined;
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a daemon that is given other names presents certificates with these names after its restart", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-renamed-" });
  try {
    const first = await Daemon.start({ directory });
    const mia = await first.user("mia", [LOGIN]);
    await first.stop();
    await using renamed = await Daemon.start({
      directory,
      nodename: "omega",
      proxy: { public_addr: ["127.0.0.1:0", "gateway.test:0"] },
    });
    const { proxyWeb, proxySsh } = await renamed.addresses();
    await mia.loginOk([`--proxy=127.0.0.1:${proxyWeb?.port}`]);
    const { code, stdout, stderr } = await mia.tsh(["ssh", `${LOGIN}@omega`, "echo renamed"]);
    assertEquals([code, stdout], [0, "renamed\n"], stderr);
    let principals: readonly string[] = [];
    const refused = connectSsh({
      stream: await dial(proxySsh?.port ?? 0),
      username: "nobody",
      verifyHost: (certificate) => {
        principals = certificate.principals;
      },
    });
    await assertRejects(() => refused);
    assert(principals.includes("gateway.test") && principals.includes("omega"), principals.join(" "));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
