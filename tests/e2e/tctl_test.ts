import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run, runProgram } from "../kit/run.ts";
import { ending, spawnNode } from "../kit/second_node.ts";

const STATIC_TOKEN = "a-static-token-of-the-file";
const CLUSTER_TOKEN = "a-static-token-for-a-cluster";
let cluster: Daemon;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start({
    auth: { tokens: [`proxy,node:${STATIC_TOKEN}`, `trusted_cluster:${CLUSTER_TOKEN}`] },
    node: { labels: { role: "master", type: "postgres" } },
  });
});

Deno.test.afterAll(() => cluster.stop());

/** Runs tctl, which must fail with a message and no output. */
async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.tctl(...args);
  assertEquals([code, stdout], [1, ""], `tctl ${args.join(" ")}: ${stderr}`);
  assertMatch(stderr, /^error: /);
  return stderr;
}

Deno.test("tctl users add prints a link, and the user exists only after it was used", async () => {
  const text = await cluster.tctlOk("users", "add", "ann", "ann,root", "--ttl=8h");
  const web = await cluster.webAddress();
  assertMatch(
    text,
    new RegExp(
      `^Signup token has been created and is valid for 8h.*\nhttps://${web}/web/newuser/[0-9a-f]{32,}\n\nNOTE: `,
    ),
  );
  assertEquals((await cluster.tctlOk("users", "ls")).includes("ann"), false);
  const joe = await cluster.user("joe", [LOGIN, "admin"]);
  const list = await cluster.tctlOk("users", "ls");
  assertMatch(list, /^User +Allowed Logins\n-+ -+\n/);
  assertMatch(list, new RegExp(`^joe +${LOGIN},admin$`, "m"));
  assertEquals(joe.name, "joe");
  assertStringIncludes(await refused("users", "add", "joe"), "already exists");
  assertStringIncludes(await refused("users", "add", "bob", "--ttl=49h"), "48");
  await refused("users", "add", "bob", "--ttl=soon");
  assertStringIncludes(await refused("users", "add", "bob", "--ttl=0s"), "must be valid for some time");
  assertStringIncludes(await refused("users", "add", "bob", "a,b c"), "not a login; it is made of A-Z");
  assertStringIncludes(await refused("users", "add", "../evil"), "not a user name; it is made of A-Z");
  assertStringIncludes(await refused("users", "rm", ","), "name the accounts");
  assertEquals(await cluster.tctlOk("users", "rm", "joe"), "User 'joe' has been deleted\n");
  await refused("users", "rm", "joe");
  assertEquals(await cluster.tctlOk("users", "ls"), "No users found\n");
});

Deno.test("tctl nodes add prints the token and the command for the new host, with the pin of the CA", async () => {
  const text = await cluster.tctlOk("nodes", "add", "--ttl=5m", "--roles=node,proxy");
  const token = /^The invite token: ([0-9a-f]{32})$/m.exec(text)?.[1] ?? "";
  const { auth } = await cluster.addresses();
  const pin = /^CA pin +(sha256:[0-9a-f]{64})$/m.exec(await cluster.tctlOk("status"))?.[1];
  assertStringIncludes(
    text,
    `> teleport start --roles=node,proxy --token=${token} --ca-pin=${pin} --auth-server=127.0.0.1:${auth?.port}`,
  );
  assertMatch(text, /This invitation token will expire in 5m/);
  assertMatch(text, /must be reachable from the new node/);
  assertStringIncludes(
    await cluster.tctlOk("nodes", "add", "--token=chosen-by-the-administrator"),
    "chosen-by-the-administrator",
  );
  await refused("nodes", "add", "--token=chosen-by-the-administrator");
  assertStringIncludes(await refused("nodes", "add", "--roles=node,kitchen"), 'role "kitchen" is not known');
  await refused("nodes", "add", "--ttl=-5m");
  await refused("nodes", "add", "--ttl=9999h");
});

Deno.test("tctl nodes ls shows names, ids, addresses and labels", async () => {
  const text = await cluster.tctlOk("nodes", "ls");
  const { node } = await cluster.addresses();
  assertMatch(text, /^Node Name Node ID +Address +Labels\n-{9} -+ +-+ +-+\n/);
  assertMatch(
    text,
    new RegExp(`^alpha +[0-9a-f-]{36} 127\\.0\\.0\\.1:${node?.port} +role=master,type=postgres$`, "m"),
  );
});

Deno.test("tctl tokens ls lists static, join and signup tokens, and del makes one useless", async () => {
  const { token } = JSON.parse(await cluster.tctlOk("nodes", "add", "--format=json"));
  const { url } = JSON.parse(await cluster.tctlOk("users", "add", "invited", "--format=json"));
  const invitation = url.slice(url.lastIndexOf("/") + 1);
  const text = await cluster.tctlOk("tokens", "ls");
  assertMatch(text, /^Token +Role +Expiry Time \(UTC\)\n-/);
  assertMatch(text.split("\n")[2] ?? "", new RegExp(`^${STATIC_TOKEN} +Proxy,Node +never$`));
  assertMatch(text, new RegExp(`^${CLUSTER_TOKEN} +trusted_cluster +never$`, "m"));
  assertMatch(text, new RegExp(`^${token} +Node +\\d\\d \\w{3} \\d\\d \\d\\d:\\d\\d UTC$`, "m"));
  assertMatch(text, new RegExp(`^${invitation} +Signup \\(invited\\) `, "m"));

  assertEquals(await cluster.tctlOk("tokens", "del", token), `Token ${token} has been deleted\n`);
  await cluster.tctlOk("tokens", "del", invitation);
  const after = await cluster.tctlOk("tokens", "ls");
  assert(!after.includes(token) && !after.includes(invitation));
  await refused("tokens", "del", token);
  assertStringIncludes(await refused("tokens", "del", STATIC_TOKEN), "configuration file");
  const { code, stderr } = await cluster.tctl("tokens", "del");
  assertEquals(code, 1);
  assertMatch(stderr, /missing required argument/);
  const response = await run("curl", ["-ks", "-o", "/dev/null", "-w", "%{http_code}", url]).catch(() =>
    undefined
  );
  if (response?.code === 0) {
    assert(response.stdout !== "200", "the removed invitation's page is no signup page");
  }
});

Deno.test("tctl tokens add makes tokens for hosts and clusters, with a value of one's own, and ls finds them by type", async () => {
  const chosen = await cluster.tctlOk(
    "tokens",
    "add",
    "--type=node,proxy",
    "--value=a-value-of-my-own",
    "--ttl=5m",
  );
  assertEquals(chosen, "The invite token: a-value-of-my-own\n");
  const random = await cluster.tctlOk("tokens", "add", "--type=auth");
  assertMatch(random, /^The invite token: [0-9a-f]{32}\n$/);
  await refused("tokens", "add", "--type=node", "--value=a-value-of-my-own");
  assertStringIncludes(await refused("tokens", "add", "--type=node", "--value=x"), "at least 8 characters");
  assertStringIncludes(await refused("tokens", "add", "--type=kitchen"), 'role "kitchen" is not known');
  assertStringIncludes((await cluster.tctl("tokens", "add")).stderr, "--type");
  const listed = JSON.parse(await cluster.tctlOk("tokens", "ls", "--type=proxy", "--format=json"));
  const values: string[] = listed.map(({ token }: { token: string }) => token);
  assert(values.includes(STATIC_TOKEN) && values.includes("a-value-of-my-own"));
  assert(listed.every(({ roles }: { roles: string[] }) => roles.includes("proxy")));
  assertEquals(
    await cluster.tctlOk("tokens", "rm", "a-value-of-my-own"),
    "Token a-value-of-my-own has been deleted\n",
  );
});

Deno.test("a join token for a cluster is made in both spellings, listed as trusted_cluster, and lets no host in", async () => {
  const made = JSON.parse(
    await cluster.tctlOk("nodes", "add", "--roles=trustedcluster", "--ttl=5m", "--format=json"),
  );
  assertEquals(made.roles, ["trusted_cluster"]);
  const text = await cluster.tctlOk("tokens", "add", "--type=trusted_cluster", "--ttl=5m");
  assertMatch(text, /^The cluster invite token: [0-9a-f]{32}\n/);
  assertMatch(text, /This invitation token will expire in 5m/);
  const list = await cluster.tctlOk("tokens", "ls", "--type=trusted_cluster");
  assertMatch(list, new RegExp(`^${made.token} +trusted_cluster +\\d\\d `, "m"));
  const node = await spawnNode(cluster, { nodename: "intruder", token: made.token });
  try {
    const { code, stderr } = await ending(node);
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'the join token does not allow the role "node"');
  } finally {
    await node.stop();
  }
});

Deno.test("tctl auth export prints lines that OpenSSH reads", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-export-" });
  try {
    const user = await cluster.tctlOk("auth", "export", "--type=user");
    const host = await cluster.tctlOk("auth", "export", "--type=host");
    assertMatch(user, /^cert-authority ssh-ed25519 \S+ clustername=main&type=user\n$/);
    assertMatch(host, /^@cert-authority \*\.main,127\.0\.0\.1 ssh-ed25519 \S+ clustername=main&type=host\n$/);
    assertEquals(await cluster.tctlOk("auth", "export"), user + host);
    for (
      const [name, line] of [["user", user.replace(/^\S+ /, "")], [
        "host",
        host.replace(/^\S+ \S+ /, ""),
      ]] as const
    ) {
      await Deno.writeTextFile(`${directory}/${name}.pub`, line);
      const { code, stdout } = await run("ssh-keygen", ["-l", "-f", `${directory}/${name}.pub`]);
      assertEquals(code, 0);
      assertMatch(stdout, new RegExp(`^256 SHA256:\\S+ clustername=main&type=${name} \\(ED25519\\)$`, "m"));
      const fingerprint = stdout.split(" ")[1] ?? "";
      const secret = await cluster.tctlOk("auth", "export", "--keys", `--fingerprint=${fingerprint}`);
      assertEquals(secret, await cluster.tctlOk("auth", "export", "--keys", `--type=${name}`));
      await Deno.writeTextFile(`${directory}/${name}`, secret, { mode: 0o600 });
      const own = await run("ssh-keygen", ["-y", "-f", `${directory}/${name}`]);
      assertEquals(own.stdout.split(" ").slice(0, 2), line.split(" ").slice(0, 2), own.stderr);
      assertEquals(
        await cluster.tctlOk("auth", "export", `--fingerprint=${fingerprint}`),
        name === "user" ? user : host,
      );
    }
    await Deno.writeTextFile(`${directory}/known_hosts`, host);
    const found = await run("ssh-keygen", ["-F", "alpha.main", "-f", `${directory}/known_hosts`]);
    assertStringIncludes(found.stdout, "CA");
    assertEquals(
      await cluster.tctlOk("auth", "export", "--compat=1.0"),
      user.replace(/^cert-authority/, "@cert-authority *.main,127.0.0.1") + host,
    );
    const { code } = await cluster.tctl("auth", "export", "--type=tls");
    assertEquals(code, 1);
    assertStringIncludes(
      await refused("auth", "export", "--fingerprint=SHA256:nothing"),
      "no authority has a key with the fingerprint SHA256:nothing",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("tctl status names the cluster and the state of its authorities", async () => {
  assertMatch(
    await cluster.tctlOk("status"),
    /^Cluster {2}main\nUser CA {2}never updated\nHost CA {2}never updated\nCA pin {3}sha256:[0-9a-f]{64}\n$/,
  );
});

Deno.test("tctl events finds what happened, by kind and user", async () => {
  await cluster.tctlOk("users", "add", "evident");
  const text = await cluster.tctlOk("events", "--type=user.invite", "--user=evident");
  assertMatch(text, /^Time +Event +User +Address +Result +Details\n/);
  assertMatch(text, /^\d{4}-\S+ +user\.invite +evident +.*logins=evident/m);
  assertEquals(await cluster.tctlOk("events", "--user=nobody-at-all", "--format=json"), "");
});

Deno.test("every listing of tctl is also there as JSON and YAML, and both say the same", async () => {
  for (
    const args of [["users", "ls"], ["nodes", "ls"], ["tokens", "ls"], ["status"]]
  ) {
    const json = JSON.parse(await cluster.tctlOk(...args, "--format=json"));
    const yaml = parse(await cluster.tctlOk(...args, "--format=yaml"));
    const apartFromTime = (value: unknown) => JSON.stringify(value).replace(/"lastSeen":\d+/g, "");
    assertEquals(apartFromTime(yaml), apartFromTime(json), args.join(" "));
  }
  assertEquals((await cluster.tctl("status", "--format=xml")).code, 1);
});

Deno.test("tctl shows its help and version, and answers a wrong command with an error", async () => {
  for (const word of ["version", "--version"]) {
    assertMatch(await cluster.tctlOk(word), /^Teleport v\d+\.\d+\.\d+ \S+\n$/);
  }
  assertStringIncludes(await cluster.tctlOk("help", "users", "add"), "tctl users add joe joe,root --ttl=8h");
  assertStringIncludes(await cluster.tctlOk("help"), "tctl users add joe");
  assertStringIncludes(await cluster.tctlOk("help", "users"), "Manages user accounts");
  const { code, stderr } = await cluster.tctl("user", "ls");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "error: unknown command 'user'");
});

Deno.test("tctl away from the auth server, or with auth down, says what is wrong", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-nothing-" });
  try {
    const file = `${directory}/teleport.yaml`;
    await Deno.writeTextFile(file, `teleport: {data_dir: ${directory}/data}\n`);
    const away = await runProgram("tctl", ["-c", file, "status"], { env: { HOME: directory } });
    assertEquals(away.code, 1);
    assertStringIncludes(away.stderr, "tctl must be used on the auth server");
    const missing = await runProgram("tctl", ["-c", `${directory}/none.yaml`, "status"], {
      env: { HOME: directory },
    });
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, `${directory}/none.yaml`);

    const down = await Daemon.start({ directory });
    await down.stop();
    const { code, stderr } = await down.tctl("status");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /cannot connect to the auth server: .*\nIs the auth server running on 127\.0\.0\.1:\d+\?/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
