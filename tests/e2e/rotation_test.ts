import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { Cluster } from "../../cli/tsh/cluster.ts";
import type { Login } from "../../cli/tsh/home.ts";
import { readIdentityFile } from "../../cli/tsh/identity_file.ts";
import { dialTcp } from "../../src/base/dial.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { messageOf } from "../../src/base/errors.ts";
import { connectAsHost } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { joinToken, spawnNode, startNode } from "../kit/second_node.ts";

interface Status {
  userCa: string;
  hostCa: string;
  caPins: string[];
  rotations: Record<"user" | "host", { phase: string; started?: number; ends?: number }>;
}

async function status(cluster: Daemon): Promise<Status> {
  return JSON.parse(await cluster.tctlOk("status", "--format=json"));
}

async function phase(cluster: Daemon): Promise<string> {
  const { rotations } = await status(cluster);
  return `${rotations.user.phase}/${rotations.host.phase}`;
}

/** A certificate for a user without a login, as robots have it. */
async function signedLogin(cluster: Daemon, user: string): Promise<Login> {
  const path = `${cluster.directory}/${user}-${crypto.randomUUID()}.pem`;
  await cluster.tctlOk("auth", "sign", `--user=${user}`, `--out=${path}`);
  const { key, certificate, cluster: name, hostAuthorities } = await readIdentityFile(path);
  const { proxySsh, proxyWeb } = await cluster.addresses();
  const profile = {
    proxyHost: "127.0.0.1",
    webPort: proxyWeb?.port ?? 0,
    sshPort: proxySsh?.port ?? 0,
    user,
    cluster: name,
  };
  return { profile, key, certificate, hostAuthorities };
}

/** One session, from the connection to the proxy to the command's end. @throws {AppError} when anything is refused */
async function session(login: Login, node: string): Promise<void> {
  const proxy = await Cluster.connect(login, 20_000);
  try {
    const ssh = await proxy.node(node, 0, LOGIN);
    const { stream, exit } = await ssh.exec("true");
    stream.resume();
    assertEquals((await exit).code, 0);
    ssh.close();
  } finally {
    proxy.close();
  }
}

async function refusal(login: Login, node: string): Promise<string> {
  try {
    await session(login, node);
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

/** A login at the node itself, past the proxy. @returns why it was refused */
async function directly(login: Login, node: Daemon): Promise<string> {
  const { key, certificate } = login;
  try {
    const stream = await dialTcp("127.0.0.1", (await node.addresses()).node?.port ?? 0);
    const ssh = await connectSsh({
      stream,
      username: LOGIN,
      credential: { key, certificate },
      verifyHost: () => {},
    });
    ssh.close();
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

/** How many sessions are opened in a minute while the authorities are rotated. */
const PER_MINUTE = 200;
const GRACE_S = Deno.env.has("LONG") ? 120 : 15;

Deno.test("while an automatic rotation goes through all its phases, sessions open all the time and none is refused", async () => {
  await using cluster = await Daemon.start();
  const beta = await startNode(cluster, { nodename: "beta", token: await joinToken(cluster) });
  try {
    const joe = await cluster.user("joe", [LOGIN]);
    await joe.loginOk();
    const before = await status(cluster);
    assertEquals([before.userCa, before.hostCa], ["never updated", "never updated"]);
    const old = await signedLogin(cluster, "joe");
    let login = old;

    const failures: string[] = [];
    let opened = 0;
    let running = true;
    const pending = new Set<Promise<void>>();
    const load = (async () => {
      for (let turn = 0; running; turn++) {
        const one = session(login, turn % 2 ? "beta" : "alpha").then(() => void opened++, (error) => {
          failures.push(messageOf(error));
        });
        pending.add(one);
        one.finally(() => pending.delete(one));
        await new Promise((resolve) => setTimeout(resolve, 60_000 / PER_MINUTE));
      }
      await Promise.all(pending);
    })();

    const started = await cluster.tctlOk("auth", "rotate", `--grace-period=${GRACE_S}s`);
    assertEquals(started, "Initiated certificate authority rotation. To check status use 'tctl status'\n");
    const again = await cluster.tctl("auth", "rotate");
    assertStringIncludes(again.stderr, "is being rotated already");
    const seen = new Set<string>();
    await eventually("the rotation to end", async () => {
      const now = await phase(cluster);
      seen.add(now);
      // Users log in again before the end: their certificates of before go with the old key.
      if (now === "update_servers/update_servers" && login === old) login = await signedLogin(cluster, "joe");
      return now === "standby/standby" || undefined;
    }, (GRACE_S + 40) * 1000);
    await session(login, "beta");
    running = false;
    await load;
    console.log(`${opened} sessions were opened in ${GRACE_S} s of rotation, ${failures.length} failed`);
    if (failures.length > 0) console.log(cluster.stderr);
    assertEquals(failures, []);
    assertGreater(opened, GRACE_S);
    assertEquals([...seen], [
      "init/init",
      "update_clients/update_clients",
      "update_servers/update_servers",
      "standby/standby",
    ]);

    const after = await status(cluster);
    assertMatch(after.userCa, /^rotated /);
    assertMatch(after.hostCa, /^rotated /);
    assertEquals(after.caPins.filter((pin) => before.caPins.includes(pin)), []);
    // The old certificate is out.
    assertEquals(old.hostAuthorities.length, 2, "it learned the new key, signed by the old one");
    const stale: Login = { ...old, hostAuthorities: login.hostAuthorities };
    assertMatch(await refusal(stale, "beta"), /refused/);
    // tsh of before the rotation is told to log in again, and then all is well.
    const tsh = await joe.tsh(["ssh", `${LOGIN}@beta`, "true"]);
    assertStringIncludes(tsh.stderr, "log in again: tsh login --proxy=127.0.0.1");
    await joe.loginOk();
    assertEquals((await joe.tsh(["ssh", `${LOGIN}@beta`, "echo new"])).stdout, "new\n");
    assertEquals((await joe.ssh(`${LOGIN}@beta`, "echo stock")).stdout, "stock\n");
  } finally {
    await beta.stop();
  }
});

Deno.test("a manual rotation waits in each phase, survives restarts there, and can be rolled back", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  try {
    let cluster = await Daemon.start({ directory });
    try {
      await cluster.user("joe", [LOGIN]);
      const login = await signedLogin(cluster, "joe");
      const { caPins } = await status(cluster);
      const move = async (to: string) => {
        const text = await cluster.tctlOk("auth", "rotate", "--manual", `--phase=${to}`);
        assertMatch(text, to === "init" ? /^Initiated/ : new RegExp(`^Updated rotation phase to "${to}"`));
        await cluster.stop();
        cluster = await Daemon.start({ directory });
        assertEquals(await phase(cluster), `${to}/${to}`);
        const { proxySsh } = await cluster.addresses();
        login.profile.sshPort = proxySsh?.port ?? 0;
        await session(login, "alpha");
      };
      for (const to of ["init", "update_clients", "update_servers", "rollback", "standby"]) await move(to);
      assertEquals((await status(cluster)).caPins, caPins);
      assertEquals((await status(cluster)).hostCa, "never updated");
      const wrong = await cluster.tctl("auth", "rotate", "--manual", "--phase=update_servers");
      assertStringIncludes(wrong.stderr, "current phase is standby");
      const alone = await cluster.tctl("auth", "rotate", "--phase=init");
      assertStringIncludes(alone.stderr, "--phase needs --manual");
      await cluster.tctlOk("auth", "rotate", "--type=user", "--manual");
      assertEquals(await phase(cluster), "init/standby");
      assertMatch(
        await cluster.tctlOk("status"),
        /User CA {2}initialized \(mode: manual, started: .*\)\nHost CA {2}never/,
      );
    } finally {
      await cluster.stop();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("without a grace period old certificates stop working at once, and a host comes back with a token", async () => {
  await using cluster = await Daemon.start();
  const beta = { nodename: "beta", directory: await Deno.makeTempDir({ prefix: "teleport-test-beta-" }) };
  try {
    await cluster.user("joe", [LOGIN]);
    const old = await signedLogin(cluster, "joe");
    let hostId: string;
    {
      await using node = await startNode(cluster, { ...beta, token: await joinToken(cluster, "--ttl=3s") });
      hostId = (await Deno.readTextFile(`${node.dataDir}/host_uuid`)).trim();
      await session(old, "beta");
      await eventually("the token to expire", async () => {
        const tokens: { token: string }[] = JSON.parse(await cluster.tctlOk("tokens", "ls", "--format=json"));
        return tokens.length === 0 || undefined;
      });
      await cluster.tctlOk("auth", "rotate", "--grace-period=0h");
      await eventually(
        "the old certificate to be refused",
        async () => await refusal(old, "alpha") !== "" || undefined,
        3000,
      );
      const login = await signedLogin(cluster, "joe");
      await eventually(
        "the roles beside auth to come back",
        async () => await refusal(login, "alpha") === "" || undefined,
      );
      assertMatch(await refusal(login, "beta"), /./);
      const past = await directly(old, node);
      assertMatch(past, /refused/, "a node that is out knows all the same whom it must not trust");
      assertMatch(await refusal({ ...old, hostAuthorities: login.hostAuthorities }, "alpha"), /refused/);
      await eventually(
        "the node to say what to do",
        () =>
          /rotated while this host was away, get a token with "tctl nodes add"|join token/.test(
            node.stderr,
          ) || undefined,
      );
    }
    const token = await joinToken(cluster);
    await using again = await spawnNode(cluster, { ...beta, token });
    await again.ready();
    assertEquals((await Deno.readTextFile(`${again.dataDir}/host_uuid`)).trim(), hostId);
    const login = await signedLogin(cluster, "joe");
    await eventually("the node to be back", async () => await refusal(login, "beta") === "" || undefined);
  } finally {
    await Deno.remove(beta.directory, { recursive: true });
  }
});

Deno.test("tctl auth rotate takes the manual's flags: one authority alone, and 48 hours for both by default", async () => {
  await using cluster = await Daemon.start();
  const hours = async (kind: "user" | "host") => {
    const { rotations } = await status(cluster);
    const { started = 0, ends = 0 } = rotations[kind];
    return Math.round((ends - started) / 3_600_000);
  };
  const undo = async (type: string) => {
    for (const to of ["rollback", "standby"]) {
      await cluster.tctlOk("auth", "rotate", `--type=${type}`, "--manual", `--phase=${to}`);
    }
  };
  await cluster.tctlOk("auth", "rotate", "--type=user", "--grace-period=200h");
  assertEquals([await phase(cluster), await hours("user")], ["init/standby", 200]);
  await undo("user");
  await cluster.tctlOk("auth", "rotate", "--type=host", "--grace-period=8h");
  assertEquals([await phase(cluster), await hours("host")], ["standby/init", 8]);
  await undo("host");
  await cluster.tctlOk("auth", "rotate");
  assertEquals([await phase(cluster), await hours("user"), await hours("host")], ["init/init", 48, 48]);
  const tooLong = await cluster.tctl("auth", "rotate", "--grace-period=9999h");
  assertStringIncludes(tooLong.stderr, "a grace period is at most 720h0m0s");
});

Deno.test("a rotation warns of members that are too old to renew their certificates", async () => {
  await using cluster = await Daemon.start();
  using host = await connectAsHost(cluster, "node");
  await host.api.call("servers.announce", {
    role: "node",
    name: "alpha",
    address: "127.0.0.1:3022",
    labels: {},
    version: "0.0.9",
  });
  const { code, stderr } = await cluster.tctl("auth", "rotate", "--manual");
  assertEquals(code, 0);
  assertMatch(stderr, /WARNING: the node alpha \([0-9a-f-]{36}\) runs version 0\.0\.9, which cannot renew/);
});
