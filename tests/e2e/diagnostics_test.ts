import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { connectAs } from "../kit/login_files.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { joinToken, spawnNode } from "../kit/second_node.ts";
import { eventually } from "../kit/run.ts";
import { endAll, gone, replaced } from "../kit/succession.ts";

async function get(daemon: Daemon, path: string): Promise<{ status: number; text: string; type: string }> {
  const { diagnostics } = await daemon.addresses();
  const response = await fetch(`http://127.0.0.1:${diagnostics?.port}${path}`);
  return {
    status: response.status,
    text: await response.text(),
    type: response.headers.get("content-type") ?? "",
  };
}

/** The value of a metric, summed over the labels that are not named. */
function value(text: string, name: string, labels: Record<string, string> = {}): number {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const fitting = lines.filter((line) =>
    Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`))
  );
  assert(fitting.length > 0, `no ${name} ${JSON.stringify(labels)}`);
  return fitting.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

Deno.test("--diag-addr serves health, readiness by role, and metrics that count what happens", async () => {
  await using daemon = await Daemon.start({ args: ["--diag-addr=0"] });
  assertEquals((await get(daemon, "/healthz")).text, '{"status":"ok"}\n');
  const ready = await get(daemon, "/readyz");
  assertEquals(ready.status, 200);
  assertEquals(JSON.parse(ready.text), {
    status: "ok",
    roles: { auth: { status: "ok" }, proxy: { status: "ok" }, node: { status: "ok" } },
  });
  assertEquals((await get(daemon, "/etc/passwd")).status, 404);

  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const wrong = await joe.tsh(["login", `--proxy=${joe.options.proxy}`, "--user=joe", "--insecure"], {
    stdin: "wrong\n000000\n",
    env: { HOME: daemon.directory },
  });
  assertEquals(wrong.code, 1);
  const client = await connectAs(joe);
  const node = await client.node("alpha", 0, LOGIN);
  const session = await node.exec("cat");
  await new Promise((resolve) => {
    session.stream.once("data", resolve);
    session.stream.write("x".repeat(100_000));
  });
  const { text, type } = await get(daemon, "/metrics");
  assertMatch(type, /^text\/plain; version=0\.0\.4/);
  for (const role of ["auth", "proxy", "node"]) assertEquals(value(text, "teleport_role_up", { role }), 1);
  assertEquals(value(text, "teleport_sessions", { role: "node" }), 1);
  assertEquals(value(text, "teleport_connections", { role: "node" }), 1);
  assertEquals(value(text, "teleport_connections", { role: "proxy" }), 1);
  assertEquals(value(text, "teleport_auth_connected"), 2);
  assert(value(text, "teleport_ssh_bytes_total", { role: "node", direction: "received" }) > 100_000);
  assertEquals(value(text, "teleport_audit_events_total", { event: "user.login", success: "true" }), 1);
  assertEquals(value(text, "teleport_audit_events_total", { event: "user.login", success: "false" }), 1);
  assert(value(text, "teleport_audit_events_total", { event: "cert.create" }) >= 1);
  assert(value(text, "teleport_ssh_logins_total", { role: "proxy", result: "ok" }) >= 1);
  assert(value(text, "teleport_ssh_channels_total", { role: "node" }) >= 1);
  assert(value(text, "process_resident_memory_bytes") > 20e6);
  assert(value(text, "process_cpu_seconds_total") > 0);
  assertEquals(value(text, "teleport_role_restarts_total"), 0);
  assertEquals(value(text, "teleport_spool_bytes"), 0);
  client.close();
  await eventually("the session to be over", async () => {
    const { text } = await get(daemon, "/metrics");
    return value(text, "teleport_sessions", { role: "node" }) === 0 || undefined;
  });
});

Deno.test("/readyz is 200 only when the roles are ready, and says why it is not", async () => {
  await using cluster = await Daemon.start();
  const token = await joinToken(cluster);
  const diagnostics = freePort();
  const node = await spawnNode(cluster, { nodename: "beta", token, args: [`--diag-addr=${diagnostics}`] });
  try {
    const answer = await eventually("an answer", async () => {
      try {
        const response = await fetch(`http://127.0.0.1:${diagnostics}/readyz`);
        return { status: response.status, body: await response.json() };
      } catch (error) {
        if (error instanceof TypeError) return undefined; // nobody listens yet
        throw error;
      }
    });
    assertEquals(
      answer.body.roles.node,
      answer.status === 200 ? { status: "ok" } : { status: "unavailable", reason: "it is starting" },
    );
    await eventually("the node to be ready", async () => {
      const response = await fetch(`http://127.0.0.1:${diagnostics}/readyz`);
      await response.body?.cancel();
      return response.status === 200 || undefined;
    });
    await cluster.signal("SIGKILL");
    await eventually("the node to notice that auth is away", async () => {
      const text = await (await fetch(`http://127.0.0.1:${diagnostics}/metrics`)).text();
      return value(text, "teleport_auth_connected") === 0 || undefined;
    });
  } finally {
    await node.stop();
  }
});

Deno.test("after a reload the new process answers on the same address", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-diagnostics-" });
  try {
    const daemon = await Daemon.start({ directory, args: ["--diag-addr=127.0.0.1:0"] });
    try {
      const { diagnostics } = await daemon.addresses();
      const [before] = await replaced(daemon, "SIGHUP");
      await gone(before);
      const now = (await daemon.addresses()).diagnostics;
      assertEquals(now, diagnostics);
      assertEquals((await get(daemon, "/readyz")).status, 200);
    } finally {
      await endAll(daemon);
      await daemon.ended;
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--diag-addr elsewhere than on the loopback address warns, and needs a port", async () => {
  await using daemon = await Daemon.start({ args: ["--diag-addr=0.0.0.0:0"] });
  assertMatch(
    daemon.stderr,
    /WARNING \[daemon\] health and metrics are shown on 0\.0\.0\.0:\d+, to whoever asks/,
  );
  const refused = await Daemon.spawn({ args: ["--diag-addr=localhost"] });
  assertEquals(await refused.ended, 1);
  assertStringIncludes(refused.stderr, "--diag-addr");
  await Deno.remove(refused.directory, { recursive: true });
});
