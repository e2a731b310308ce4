import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Daemon } from "../kit/cluster.ts";
import { joinToken } from "../kit/second_node.ts";
import { eventually, run, spawn } from "../kit/run.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");

/** Opens connections that say nothing. */
async function idle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    await once(socket, "connect");
    sockets.push(socket);
  }
  return sockets;
}

Deno.test("max_connections bounds every service: of three idle connections two stay", async () => {
  await using daemon = await Daemon.start({ teleport: { connection_limits: { max_connections: 2 } } });
  const { auth, node, proxySsh, proxyWeb } = await daemon.addresses();
  for (const [name, server] of Object.entries({ auth, node, proxySsh, proxyWeb })) {
    const sockets = await idle(server?.port ?? 0, 3);
    const isOpen = ({ closed, destroyed }: Socket) => !closed && !destroyed;
    await eventually(`${name} to close one`, () => sockets.filter(isOpen).length === 2 || undefined);
    for (const socket of sockets) socket.destroy();
  }
  await daemon.event("client.refused");
  // Members are not counted at auth, so that the cluster itself goes on.
  assertStringIncludes(await daemon.tctlOk("nodes", "ls"), "alpha");
});

Deno.test("max_users bounds the users at once: a second one is refused with the reason, the first may come again", async () => {
  await using daemon = await Daemon.start({ teleport: { connection_limits: { max_users: 1 } } });
  const joe = await daemon.user("joe", [LOGIN]);
  const ann = await daemon.user("ann", [LOGIN]);
  await joe.loginOk();
  await ann.loginOk();
  const args = [...joe.sshArgs, `${LOGIN}@alpha.main`, "echo ready; cat"];
  const session = spawn("ssh", args, { env: { HOME: joe.options.home } });
  const reader = session.stdout.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "ready\n");
  const refused = await ann.ssh(`${LOGIN}@alpha`, "echo in");
  assertEquals([refused.code, refused.stdout], [255, ""]);
  assertMatch(refused.stderr, /too many users: 1 others are connected/);
  assertEquals((await joe.ssh(`${LOGIN}@alpha`, "echo again")).stdout, "again\n");
  await daemon.event("client.refused", ({ reason }) => `${reason}`.startsWith("too many users"));
  await session.stdin.close();
  await reader.read();
  await session.stderr.cancel();
  await session.status;
  reader.releaseLock();
  await eventually("room for ann", async () => {
    const { stdout } = await ann.ssh(`${LOGIN}@alpha`, "echo in");
    return stdout === "in\n" || undefined;
  });
});

Deno.test("rates bound how fast one network connects and asks", async () => {
  const rates = [{ period: "1h", average: 1, burst: 4 }];
  await using daemon = await Daemon.start({ teleport: { connection_limits: { rates } } });
  const { node, proxyWeb } = await daemon.addresses();
  for (let i = 0; i < 8; i++) {
    const socket = connect(node?.port ?? 0, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    const closed = once(socket, "close");
    socket.write(`not SSH\r\n${"x".repeat(300)}\r\n`);
    await closed;
  }
  await daemon.event(
    "client.refused",
    ({ reason }) => reason === "too many connections from this network in a short time",
  );
  const codes: string[] = [];
  for (let i = 0; i < 6; i++) {
    const url = `https://127.0.0.1:${proxyWeb?.port}/webapi/ping`;
    codes.push((await run("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code}", url])).stdout);
  }
  assertEquals(codes, ["200", "200", "200", "200", "429", "429"]);
});

Deno.test("a node whose cache is off lets nobody in while no auth server can be reached", async () => {
  const cluster = await Daemon.start({ node: { enabled: "no" } });
  const { auth } = await cluster.addresses();
  const teleport = (cache: Record<string, unknown>) => async () => ({
    auth_servers: [`127.0.0.1:${auth?.port}`],
    auth_token: await joinToken(cluster),
    cache,
  });
  const [strict, lasting] = await Promise.all(
    [teleport({ enabled: "no" }), teleport({ ttl: "1h" })].map(async (settings, index) =>
      Daemon.start({
        nodename: `node${index}`,
        teleport: await settings(),
        auth: { enabled: "no" },
        proxy: { enabled: "no" },
      })
    ),
  );
  if (!strict || !lasting) throw new Error("two nodes were asked for");
  try {
    const joe = await cluster.user("joe", [LOGIN]);
    await joe.loginOk();
    const direct = async (node: Daemon) => {
      const { node: at } = await node.addresses();
      return (await run("ssh", [
        ...["-F", "none", "-i", joe.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
        ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
        ...["-p", `${at?.port}`, `${LOGIN}@127.0.0.1`, "echo in"],
      ])).stdout;
    };
    assertEquals([await direct(strict), await direct(lasting)], ["in\n", "in\n"]);
    await cluster.signal("SIGTERM");
    await eventually(
      "the strict node to let nobody in",
      async () => await direct(strict) === "" || undefined,
    );
    assertEquals(await direct(lasting), "in\n");
  } finally {
    await Promise.all([strict.stop(), lasting.stop(), cluster.stop()]);
  }
});
