// Several auth servers on one etcd, with proxies and nodes of their own: what the manual calls high availability.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { Etcd, withoutEtcd } from "../kit/etcd.ts";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { exists, freePort, LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { balancer } from "../kit/several_proxies.ts";
import { TestAuthority } from "../kit/test_authority.ts";

const ignore = await withoutEtcd();
/** One member serves all tests but those about losing members. */
const etcd = ignore ? undefined : await Etcd.start(3);
globalThis.addEventListener("unload", () => etcd?.killAll());

function cluster(): Etcd {
  if (!etcd) throw new Error("there is no etcd");
  return etcd;
}

const authOf = async (daemon: Daemon) => `127.0.0.1:${(await daemon.addresses()).auth?.port}`;

/** An auth server and nothing else. */
function authServer(prefix: string, nodename: string, more: Record<string, unknown> = {}): Promise<Daemon> {
  return Daemon.start({
    nodename,
    teleport: { storage: cluster().storage(prefix), ...more },
    args: ["--roles=auth"],
    auth: { tokens: ["proxy,node:static-token-of-all"] },
  });
}

/** A proxy and a node that are no auth server. */
function others(nodename: string, auth_servers: string[], args = ["--roles=proxy,node"]): Promise<Daemon> {
  return Daemon.start({
    nodename,
    teleport: { auth_servers, auth_token: "static-token-of-all" },
    auth: { enabled: "no" },
    args,
  });
}

/** What a daemon knows of the cluster's auth servers. */
async function keptList(directory: string): Promise<string[] | undefined> {
  const path = `${directory}/data/authservers.json`;
  return await exists(path) ? JSON.parse(await Deno.readTextFile(path)) : undefined;
}

async function kill(daemon: Daemon): Promise<void> {
  Deno.kill(await daemon.pid(), "SIGKILL");
  await daemon.ended;
}

Deno.test({ name: "two auth servers on one etcd are one cluster, and either may die", ignore }, async () => {
  const shared = await Deno.makeTempDir({ prefix: "teleport-sessions-" });
  const more = { audit_sessions_uri: `file://${shared}` };
  const one = await authServer("ha", "auth-one", { storage: { ...cluster().storage("ha"), ...more } });
  // A second one comes with a token that says so.
  const { token } = JSON.parse(await one.tctlOk("nodes", "add", "--roles=auth", "--format=json"));
  await using other = await authServer("ha", "auth-two", {
    storage: { ...cluster().storage("ha"), ...more },
    auth_token: token,
  });
  try {
    assertEquals(await one.tctlOk("auth", "export"), await other.tctlOk("auth", "export"));
    assertEquals((await other.event("host.join")).roles, "auth");

    // A proxy and a node that know the first auth server only learn of the second.
    await using edge = await others("edge", [await authOf(one)]);
    const both = [await authOf(one), await authOf(other)].sort();
    const known = await eventually("the list of auth servers to be kept", async () => {
      const list = await keptList(edge.directory);
      return list?.length === 2 ? list : undefined;
    });
    assertEquals(known, both);
    // A node that knows a balancer's address only, and one that is connected to the second auth server.
    await using balanced = await balancer(...both.map((address) => Number(address.split(":")[1])));
    await using _behind = await others("behind", [`127.0.0.1:${balanced.port}`], ["--roles=node"]);
    await using _far = await others("far", [await authOf(other)], ["--roles=node"]);

    const { url } = JSON.parse(await other.tctlOk("users", "add", "joe", LOGIN, "--format=json"));
    const joe = await edge.signUp(
      "joe",
      url.replace(/^https:\/\/[^/]+/, `https://${await edge.webAddress()}`),
    );
    await joe.loginOk();
    for (const auth of [one, other]) assertStringIncludes(await auth.tctlOk("users", "ls"), "joe");
    await eventually("all nodes to be listed", async () => {
      const { stdout } = await joe.tsh(["ls"]);
      return ["edge", "far", "behind"].every((name) => stdout.includes(name)) || undefined;
    });
    const echo = async (node: string) =>
      (await joe.tsh(["ssh", `${LOGIN}@${node}`, `echo on ${node}`])).stdout;
    assertEquals([await echo("edge"), await echo("far")], ["on edge\n", "on far\n"]);

    // What is done at one auth server reaches hosts that are connected to the other.
    await one.tctlOk("users", "lock", "joe");
    await eventually("the lock to be known to everybody", async () => {
      return (await joe.tsh(["ssh", `${LOGIN}@edge`, "true"])).code !== 0 || undefined;
    });
    await one.tctlOk("users", "unlock", "joe");
    await eventually("the end of the lock", async () => await echo("edge") === "on edge\n" || undefined);

    // A session runs on while the auth server dies that it knows; users log in and sessions start by the other.
    using terminal = await LiveTerminal.open(joe, LOGIN, {
      host: "edge",
      command: "echo begun; read -r line; echo heard $line",
    });
    await terminal.shows("begun");
    await eventually("the session to be seen at the auth server that its node does not know", async () => {
      return (await other.tctlOk("sessions", "ls")).includes("edge") || undefined;
    });
    await kill(one);
    terminal.type("a word\n");
    await terminal.shows("heard a word");
    await terminal.exit;
    // Its recording began at the one that died, and is completed by the other.
    const { sid } = await other.event("session.end");
    await eventually("the whole recording", async () => {
      return (await other.tctl("recordings", "verify", String(sid))).code === 0 || undefined;
    });
    const bytes = await Deno.readTextFile(`${shared}/default/${sid}.session.bytes`);
    assertEquals(bytes, "begun\r\na word\r\nheard a word\r\n");
    const before = performance.now();
    await eventually("a login by the other auth server", async () => {
      return (await joe.login()).code === 0 || undefined;
    });
    assert(performance.now() - before < 60_000);
    await eventually(
      "sessions by the other auth server",
      async () => await echo("edge") === "on edge\n" || undefined,
    );
    for (const name of ["far", "behind"]) assertEquals(await echo(name), `on ${name}\n`);
    await eventually("the node behind the balancer to be a member", async () => {
      return (await other.tctlOk("nodes", "ls")).includes("behind") || undefined;
    });

    // The configuration of the edge names the dead one only.
    await edge.stop();
  } finally {
    await one.stop();
    await Deno.remove(shared, { recursive: true });
  }
});

Deno.test(
  { name: "the kept list of auth servers wins over a file that names a dead one", ignore },
  async () => {
    await using auth = await authServer("cache", "auth");
    const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
    try {
      const options = {
        directory,
        nodename: "edge",
        auth: { enabled: "no" },
        args: ["--roles=node"],
      };
      const first = await Daemon.start({
        ...options,
        teleport: { auth_servers: [await authOf(auth)], auth_token: "static-token-of-all" },
      });
      await eventually("the list to be kept", () => keptList(directory));
      await first.stop();
      const again = await Daemon.start({
        ...options,
        teleport: { auth_servers: [`127.0.0.1:${freePort()}`] },
      });
      await eventually("the node to be a member", async () => {
        return (await auth.tctlOk("nodes", "ls")).includes("edge") || undefined;
      });
      await again.stop();
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test({
  name: "a cluster on etcd lives through the death of etcd's leader, and through a restart of its own",
  ignore,
}, async () => {
  await using daemon = await Daemon.start({ teleport: { storage: cluster().storage("leader") } });
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const leader = await cluster().leader();
  await cluster().kill(leader);
  const { code, stderr } = await daemon.tctl("users", "add", "ann", LOGIN);
  assertEquals(code, 0, stderr);
  assertEquals((await joe.tsh(["ssh", `${LOGIN}@alpha`, "echo still here"])).stdout, "still here\n");
  cluster().run(leader);
  await cluster().ready();
  // HUP: another process takes over on the same store.
  const before = await daemon.pid();
  Deno.kill(before, "SIGHUP");
  await eventually("another process", async () => await daemon.pid() !== before || undefined);
  assertStringIncludes(await daemon.tctlOk("users", "ls"), "joe");
  assertEquals((await joe.tsh(["ssh", `${LOGIN}@alpha`, "echo the new one"])).stdout, "the new one\n");
  Deno.kill(await daemon.pid(), "SIGTERM");
});

Deno.test(
  { name: "an auth server waits for its store with messages, and names what it waits for", ignore },
  async () => {
    const peer = `https://127.0.0.1:${freePort()}`;
    const daemon = await Daemon.spawn({
      teleport: { storage: { ...cluster().storage("waiting"), peers: [peer] } },
      args: ["--roles=auth"],
    });
    try {
      await eventually("a message", () => daemon.stderr.includes("waits for its store") || undefined);
      assertStringIncludes(daemon.stderr, `${peer}: nobody listens there`);
      assert(!daemon.exited);
    } finally {
      await daemon.stop();
    }
  },
);

Deno.test(
  { name: "an auth server that etcd's certificates shut out ends with the reason", ignore },
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
    try {
      const authority = await TestAuthority.make("foreign");
      const pair = await authority.sign("teleport");
      await Deno.writeTextFile(`${directory}/ca.pem`, authority.pem);
      await Deno.writeTextFile(`${directory}/cert.pem`, pair.cert);
      await Deno.writeTextFile(`${directory}/key.pem`, pair.key);
      const wrong: [Record<string, unknown>, string][] = [
        [
          { tls_cert_file: `${directory}/cert.pem`, tls_key_file: `${directory}/key.pem` },
          "does not accept our certificate",
        ],
        [{ tls_key_file: `${directory}/key.pem` }, "cannot be used together"],
        [{ tls_ca_file: `${directory}/ca.pem` }, "its certificate is not accepted"],
        [{ tls_cert_file: `${directory}/none.pem` }, "teleport.storage.tls_cert_file"],
        [{ tls_cert_file: undefined }, 'needs "teleport.storage.tls_cert_file"'],
        [{ tls_key_file: undefined }, 'needs "teleport.storage.tls_key_file"'],
      ];
      for (const [change, reason] of wrong) {
        const daemon = await Daemon.spawn({
          teleport: { storage: { ...cluster().storage("refused"), ...change } },
          args: ["--roles=auth"],
        });
        const code = await daemon.ended;
        await eventually("its last words", () => daemon.exited || undefined);
        assertEquals(code, 1, daemon.stderr);
        assertStringIncludes(daemon.stderr, reason);
        await daemon.stop();
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test({ name: "auth servers that do not belong together are refused or warned of", ignore }, async () => {
  await using auth = await authServer("unlike", "auth");
  const start = (options: Parameters<typeof Daemon.spawn>[0]) =>
    Daemon.spawn({ args: ["--roles=auth"], ...options });
  const refused = async (options: Parameters<typeof Daemon.spawn>[0], reason: string) => {
    const daemon = await start(options);
    const code = await daemon.ended;
    await eventually("its last words", () => daemon.exited || undefined);
    assertEquals(code, 1, daemon.stderr);
    assertStringIncludes(daemon.stderr, reason);
    await daemon.stop();
  };
  const storage = cluster().storage("unlike");
  await refused({ clusterName: "another", teleport: { storage } }, 'belongs to cluster "main"');
  const forNodes = JSON.parse(await auth.tctlOk("nodes", "add", "--roles=node", "--format=json")).token;
  await refused({ teleport: { storage, auth_token: forNodes } }, 'does not allow the role "auth"');
  await refused({ teleport: { storage, auth_token: "made-up" } }, "the cluster does not know it");
  const token = JSON.parse(await auth.tctlOk("nodes", "add", "--roles=auth", "--format=json")).token;
  await refused(
    { teleport: { auth_token: token, auth_servers: [await authOf(auth)] } },
    "an empty store of its own",
  );
  const unlike = await start({
    teleport: { storage },
    nodename: "unlike",
    auth: { session_recording: "off" },
  });
  try {
    await unlike.ready();
    for (const [daemon, name] of [[auth, "unlike"], [unlike, "auth"]] as const) {
      await eventually(
        "a warning",
        () =>
          daemon.stderr.includes(`${name}`) && daemon.stderr.includes("is configured otherwise") || undefined,
      );
      assertStringIncludes(
        daemon.stderr,
        "auth_service.tokens, auth_service.session_recording must be the same",
      );
    }
  } finally {
    await unlike.stop();
  }
});

Deno.test({
  name: "insecure: yes accepts any member, and a backup of one store is restored into another",
  ignore,
}, async () => {
  const storage: Record<string, unknown> = cluster().storage("insecure");
  delete storage.tls_ca_file;
  await using daemon = await Daemon.start({
    teleport: { storage: { ...storage, insecure: "yes" } },
    args: ["--roles=auth,proxy"],
  });
  const joe = await daemon.user("joe", [LOGIN]);
  const backup = `${daemon.directory}/backup.yaml`;
  await Deno.writeTextFile(backup, await daemon.tctlOk("get", "all", "--with-secrets"));
  await using local = await Daemon.start({ args: ["--roles=auth,proxy"] });
  await local.tctlOk("create", "-f", backup);
  assertStringIncludes(await local.tctlOk("users", "ls"), joe.options.name);
  // Its own authority of before is trusted beside the restored one for a while.
  const keys = (text: string): string[] => text.match(/ssh-ed25519 \S+/g) ?? [];
  const restored = keys(await local.tctlOk("auth", "export"));
  for (const key of keys(await daemon.tctlOk("auth", "export"))) assert(restored.includes(key));
});
