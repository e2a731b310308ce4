import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { joinToken, startNode } from "../kit/second_node.ts";
import { pair, remoteStatus, startEast, startMain, untilStatus } from "../kit/trusted_clusters.ts";

/** The same ports before and after, as a restored machine has them. */
function ports() {
  const at = (port: number) => `127.0.0.1:${port}`;
  const [auth, ssh, web] = [freePort(), freePort(), freePort()];
  return {
    auth: { listen_addr: at(auth) },
    proxy: { listen_addr: at(ssh), web_listen_addr: at(web), public_addr: at(web) },
  };
}

const ROLE = `kind: role
version: v3
metadata: {name: dev, description: developers, labels: {team: db}}
spec:
  options: {max_session_ttl: 8h}
  allow: {logins: ['{{internal.logins}}'], node_labels: {'*': '*'}}
---
kind: github
version: v3
metadata: {name: github}
spec:
  client_id: abc
  client_secret: very-secret-value
  redirect_url: https://gw.example.com/v1/webapi/github/callback
  teams_to_logins: [{organization: octocats, team: admins, logins: [dev]}]
---
kind: trusted_cluster
version: v2
metadata: {name: east}
spec: {enabled: false, token: "0123456789", tunnel_addr: "east:3024", web_proxy_addr: "east:3080"}
`;

Deno.test("a backup restores an empty cluster: users log in as before, host certificates hold, tokens and connectors are back", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-backup-" });
  const { auth, proxy } = ports();
  const options = { directory: `${directory}/main`, auth, proxy, nodename: "alpha" };
  await Deno.mkdir(options.directory);
  let node: Daemon | undefined;
  let cluster = await Daemon.start(options);
  try {
    await Deno.writeTextFile(`${directory}/more.yaml`, ROLE);
    assertEquals((await cluster.tctl("create", `${directory}/more.yaml`)).code, 0);
    const link = JSON.parse(
      await cluster.tctlOk("users", "add", "joe", LOGIN, "--roles=dev", "--format=json"),
    );
    const joe = await cluster.signUp("joe", link.url);
    await joe.loginOk();
    const token = await joinToken(cluster, "--ttl=2h");
    await Deno.mkdir(`${directory}/beta`);
    node = await startNode(cluster, { nodename: "beta", token, directory: `${directory}/beta` });
    assertEquals((await joe.tsh(["ssh", `${LOGIN}@beta`, "echo", "before"])).stdout, "before\n");

    const backup = await cluster.tctl("get", "all", "--with-secrets");
    assertEquals(backup.code, 0);
    assertStringIncludes(backup.stderr, "keep it where only you can read it");
    const file = `${directory}/backup.yaml`;
    await Deno.writeTextFile(file, backup.stdout, { mode: 0o600 });
    await cluster.stop();
    await Deno.remove(`${options.directory}/data`, { recursive: true });

    cluster = await Daemon.start(options);
    assertEquals(await cluster.tctlOk("users", "ls"), "No users found\n");
    const restored = await cluster.tctl("create", "-f", file);
    assertEquals(restored.code, 0, restored.stderr);
    assertMatch(restored.stdout, /^certificate authority 'main' has been updated\n/);
    assertStringIncludes(restored.stdout, "user 'joe' has been created");
    assertStringIncludes(restored.stderr, "certificates of the restored host CA within seconds");

    await eventually("the hosts of the new cluster to have certificates of the restored CA", async () => {
      const { stdout } = await joe.tsh(["ssh", `${LOGIN}@alpha`, "echo", "here as well"]);
      return stdout === "here as well\n" || undefined;
    });
    await eventually("the host from before to be back", async () => {
      return (await cluster.tctlOk("nodes", "ls")).includes("beta") || undefined;
    });
    // The certificate from before the loss still opens a session on the host that joined before it.
    const late = await joe.tsh(["ssh", `${LOGIN}@beta`, "echo", "with the old certificate"]);
    assertEquals([late.code, late.stdout], [0, "with the old certificate\n"], late.stderr);
    await cluster.stop();
    cluster = await Daemon.start(options);
    await eventually("the host to be back after a restart", async () => {
      return (await cluster.tctlOk("nodes", "ls")).includes("beta") || undefined;
    });
    await joe.tsh(["logout"]);
    await joe.loginOk();
    assertEquals((await joe.tsh(["ssh", `${LOGIN}@beta`, "echo", "after"])).stdout, "after\n");

    const again = await cluster.tctlOk("get", "all", "--with-secrets");
    const comparable = (text: string) =>
      text.split(/^---\n/m).filter((one) => !/^kind: cert_authority$[^]*^ {2}type: host$/m.test(one))
        .map((one) => one.replace(/last_otp_step: \d+/, ""));
    assertEquals(comparable(again), comparable(backup.stdout));
    const third = await startNode(cluster, { nodename: "gamma", token });
    await third.stop();
  } finally {
    await node?.stop();
    await cluster.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a backup of another cluster, or one without its secrets, is refused with what to do", async () => {
  await using east = await Daemon.start({
    clusterName: "east",
    node: { enabled: "no" },
    proxy: { enabled: "no" },
  });
  await using main = await Daemon.start({ node: { enabled: "no" }, proxy: { enabled: "no" } });
  const file = `${main.directory}/backup.yaml`;
  await Deno.writeTextFile(file, await east.tctlOk("get", "all", "--with-secrets"));
  const before = await main.tctlOk("get", "all", "--with-secrets");
  const other = await main.tctl("create", "-f", file);
  assertEquals(other.code, 1);
  assertStringIncludes(other.stderr, 'is of cluster "east", but this cluster is called "main"');
  assertStringIncludes(other.stderr, "empty data_dir");
  await Deno.writeTextFile(file, await main.tctlOk("get", "cas"));
  assertEquals((await main.tctl("create", "-f", file)).code, 1);
  assertEquals(await main.tctlOk("get", "all", "--with-secrets"), before);
});

Deno.test("a cluster that others trust is restored with them: their tunnels are back without a new pairing", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-backup-" });
  const { auth, proxy } = ports();
  const tunnel = { tunnel_listen_addr: `127.0.0.1:${freePort()}` };
  const options = { directory: `${directory}/main`, auth, proxy: { ...proxy, ...tunnel } };
  await Deno.mkdir(options.directory);
  let main = await startMain(options);
  const east = await startEast();
  try {
    await pair(main, east);
    const file = `${directory}/backup.yaml`;
    await Deno.writeTextFile(file, await main.tctlOk("get", "all", "--with-secrets"), { mode: 0o600 });
    await main.stop();
    await Deno.remove(`${options.directory}/data`, { recursive: true });

    main = await startMain(options);
    assertEquals(await remoteStatus(main, "east"), undefined);
    const restored = await main.tctlOk("create", "-f", file);
    assertStringIncludes(restored, 'remote cluster "east" has been created');
    await untilStatus(main, "east", "online");
    assertStringIncludes(
      await main.tctlOk("create", "-f", file),
      'remote cluster "east" is the same as before',
    );
  } finally {
    await Promise.all([main.stop(), east.stop()]);
    await Deno.remove(directory, { recursive: true });
  }
});
