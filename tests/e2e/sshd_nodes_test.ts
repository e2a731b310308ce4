// OpenSSH's servers and agents beside the cluster.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { createServer } from "node:net";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run } from "../kit/run.ts";
import { StockSshd } from "../kit/stock_sshd.ts";

let cluster: Daemon;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start({ proxy: { allow_unregistered_nodes: "yes" } });
});

Deno.test.afterAll(() => cluster.stop());

Deno.test("a session with OpenSSH's server goes through the proxy, and is not recorded by default", async () => {
  const joe = await cluster.user("joe", [LOGIN]);
  await joe.loginOk();
  const authority = `${cluster.directory}/user_ca.pub`;
  const exported = await cluster.tctlOk("auth", "export", "--type=user");
  await Deno.writeTextFile(authority, exported.replace(/^cert-authority /gm, ""));
  await using sshd = await StockSshd.start([`TrustedUserCAKeys ${authority}`]);
  const { proxySsh } = await cluster.addresses();
  const common = ["-F", "none", "-i", joe.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"];
  const known = [
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
  ];
  const proxy = [
    "ssh",
    ...common,
    ...known,
    "-p",
    String(proxySsh?.port),
    "%r@127.0.0.1",
    "-s",
    "proxy:%h:%p",
  ];
  const { stdout, stderr } = await run("ssh", [
    ...common,
    ...known,
    ...["-o", `ProxyCommand=${proxy.join(" ")}`, "-p", String(sshd.port), "-tt"],
    ...[`${LOGIN}@127.0.0.1`, "echo marker-of-sshd"],
  ]);
  assertStringIncludes(stdout, "marker-of-sshd", stderr);
  const recordings: unknown[] = [];
  for await (const entry of Deno.readDir(`${cluster.dataDir}/log/sessions/default`)) {
    recordings.push(entry.name);
  }
  assertEquals(recordings, []);
});

Deno.test("an agent that takes no certificates gets tsh a warning, and the login works", async () => {
  const ann = await cluster.user("ann", [LOGIN]);
  const path = `${cluster.directory}/stubborn.sock`;
  // Lists no key and refuses whatever is asked for (SSH_AGENT_IDENTITIES_ANSWER, SSH_AGENT_FAILURE).
  const agent = createServer((socket) => {
    socket.on("error", () => {}); // tsh leaves when it has its answer
    socket.on("data", (request) => {
      const isList = request[4] === 11;
      socket.write(isList ? new Uint8Array([0, 0, 0, 5, 12, 0, 0, 0, 0]) : new Uint8Array([0, 0, 0, 1, 5]));
    });
  });
  await new Promise<void>((resolve) => agent.listen(path, () => resolve()));
  try {
    const { stderr } = await ann.loginOk([], { SSH_AUTH_SOCK: path });
    assertStringIncludes(
      stderr,
      "WARNING: the running ssh-agent does not take certificates (GNOME keyring?)",
    );
    assertEquals((await ann.tsh(["ssh", `${LOGIN}@alpha`, "echo all the same"])).stdout, "all the same\n");
  } finally {
    await new Promise<void>((resolve) => agent.close(() => resolve()));
  }
});
