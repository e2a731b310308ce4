// Clusters that know each other, as an attacker in one of them, or between them, would use it.
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { stringify } from "@std/yaml";
import { Cluster } from "../../cli/tsh/cluster.ts";
import { readIdentityFile } from "../../cli/tsh/identity_file.ts";
import { loginToAuth, openApi } from "../../src/api/connection.ts";
import { parseHostCredentials, trustOf } from "../../src/api/host_identity.ts";
import { systemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import { type CertificateTemplate, issueCertificate } from "../../src/ssh/certificate.ts";
import { connectSsh, type Credential, type SshClient } from "../../src/ssh/client.ts";
import { generateKey, parsePrivateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { dial, putResources, putUsers } from "../kit/admin.ts";
import type { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";
import { pair, startEast, startMain, untilStatus } from "../kit/trusted_clusters.ts";

const main = await startMain();
const east = await startEast();
await pair(main, east);
await putUsers(main, { name: "joe", logins: [LOGIN] });
await putUsers(east, { name: "joe", logins: [LOGIN] }, { name: "eve", logins: [LOGIN] });

Deno.test.afterAll(async () => {
  await Promise.all([main.stop(), east.stop()]);
});

const UUID = "11111111-1111-4111-8111-111111111111";

async function caKey(cluster: Daemon, kind: "user" | "host"): Promise<PrivateKey> {
  const documents = JSON.parse(await cluster.tctlOk("get", "cas", "--with-secrets", "--format=json"));
  const found = documents.find(({ spec }: { spec: { type: string } }) => spec.type === kind);
  return parsePrivateKey(found.spec.signing_keys[0]);
}

const keys = {
  mainHost: await caKey(main, "host"),
  mainUser: await caKey(main, "user"),
  eastHost: await caKey(east, "host"),
  eastUser: await caKey(east, "user"),
};

/** A certificate as nobody has issued it. */
function forged(signer: PrivateKey, change: Partial<CertificateTemplate> = {}): Credential {
  const key = generateKey();
  const certificate = issueCertificate(signer, {
    kind: "host",
    key: key.publicKey,
    keyId: UUID,
    principals: [UUID],
    extensions: { [EXTENSION.hostRole]: "proxy", [EXTENSION.cluster]: "east" },
    validAfter: 0,
    validBefore: Infinity,
    ...change,
  });
  return { key, certificate };
}

async function tunnelLogin(credential: Credential, username = `${UUID}.east`): Promise<SshClient> {
  const { proxyTunnel } = await main.addresses();
  return await connectSsh({
    stream: await dial(proxyTunnel?.port ?? 0),
    username,
    credential,
    verifyHost: () => {},
  });
}

async function refusal(attempt: Promise<SshClient>): Promise<string> {
  try {
    (await attempt).close();
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

/** A login of a user without a password, for another cluster than the user's own. */
async function cluster(of: Daemon, user: string, site?: string): Promise<Cluster> {
  const path = `${of.directory}/${user}-${crypto.randomUUID()}.pem`;
  await of.tctlOk("auth", "sign", `--user=${user}`, `--out=${path}`);
  const { key, certificate, cluster: name, hostAuthorities } = await readIdentityFile(path);
  const { proxySsh } = await of.addresses();
  const profile = { proxyHost: "127.0.0.1", webPort: 0, sshPort: proxySsh?.port ?? 0, user, cluster: name };
  return await Cluster.connect({
    profile: { ...profile, ...(site === undefined ? {} : { site }) },
    key,
    certificate,
    hostAuthorities,
  });
}

Deno.test("the tunnel port takes a paired cluster's proxies and nobody else", async () => {
  const extensions = (role: string, cluster: string) => ({
    [EXTENSION.hostRole]: role,
    [EXTENSION.cluster]: cluster,
  });
  assertEquals(await refusal(tunnelLogin(forged(keys.eastHost))), "", "the right one");
  const refused = (...login: Parameters<typeof tunnelLogin>) => refusal(tunnelLogin(...login));
  const wrong: Record<string, Promise<string>> = {
    "a node of the paired cluster": refused(
      forged(keys.eastHost, { extensions: extensions("node", "east") }),
    ),
    "its auth server": refused(forged(keys.eastHost, { extensions: extensions("auth", "east") })),
    "its administrator": refused(forged(keys.eastHost, { extensions: extensions("admin", "east") })),
    "no role": refused(forged(keys.eastHost, { extensions: { [EXTENSION.cluster]: "east" } })),
    "the paired cluster's CA for another name": refused(
      forged(keys.eastHost, { extensions: extensions("proxy", "west") }),
      `${UUID}.west`,
    ),
    "the paired cluster's CA for this cluster": refused(
      forged(keys.eastHost, { extensions: extensions("proxy", "main") }),
      `${UUID}.main`,
    ),
    "a proxy of this cluster itself": refused(
      forged(keys.mainHost, { extensions: extensions("proxy", "main") }),
      `${UUID}.main`,
    ),
    "this cluster's CA for the paired name": refused(forged(keys.mainHost)),
    "the paired cluster's user CA": refused(forged(keys.eastUser)),
    "a CA that nobody knows": refused(forged(generateKey())),
    "a user of this cluster": refused(
      forged(keys.mainUser, { kind: "user", keyId: "joe", principals: [LOGIN], extensions: {} }),
      LOGIN,
    ),
    "a user of the paired cluster": refused(
      forged(keys.eastUser, { kind: "user", keyId: "joe", principals: [LOGIN], extensions: {} }),
      LOGIN,
    ),
    "another login name": refused(forged(keys.eastHost), "root"),
    "an expired certificate": refused(forged(keys.eastHost, { validBefore: 1000 })),
  };
  for (const [what, attempt] of Object.entries(wrong)) {
    assertMatch(await attempt, /refused the login/, what);
  }
  const { proxyTunnel } = await main.addresses();
  for (const method of ["password", "keyboard-interactive", "publickey"]) {
    const stock = await run("ssh", [
      ...["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
      ...["-o", "UserKnownHostsFile=/dev/null", "-o", `PreferredAuthentications=${method}`],
      ...["-p", `${proxyTunnel?.port}`, "root@127.0.0.1", "true"],
    ]);
    assertMatch(stock.stderr, /Permission denied/);
  }
});

Deno.test("a tunnel gives nothing of this cluster: no session, no forwarding, no API, no other port", async () => {
  const identity = parseHostCredentials(await Deno.readTextFile(`${east.dataDir}/proxy/identity.json`));
  const credential = { key: identity.key, certificate: identity.certificate };
  const agent = await tunnelLogin(credential, `${identity.hostId}.east`);
  try {
    for (const open of [() => agent.exec("id"), () => agent.shell(), () => agent.subsystem("auth-api")]) {
      const session = await open();
      let told = "";
      session.stderr.on("data", (chunk) => told += chunk);
      session.stream.resume();
      await session.exit;
      assertStringIncludes(
        told,
        "Cannot open new SSH session on reverse tunnel. Are you connecting to the right port?",
      );
    }
    const { auth, proxySsh, node } = await main.addresses();
    assertMatch(await agent.directTcpip("127.0.0.1", auth?.port ?? 0).then(() => "", messageOf), /refused/);
    assertMatch(
      await agent.forwardRemote("127.0.0.1", 0, () => Promise.reject(new Error())).then(() => "", messageOf),
      /refused/,
    );
    for (const [name, at] of Object.entries({ auth, proxySsh, node })) {
      const login = async () =>
        await connectSsh({
          stream: await dial(at?.port ?? 0),
          username: identity.hostId,
          credential,
          verifyHost: () => {},
        });
      assertMatch(await refusal(login()), /refused the login/, name);
    }
  } finally {
    agent.close();
  }
});

Deno.test("nothing of the trusted cluster but its users counts in the trusting one", async () => {
  // Neither its proxies, nor its administrator, nor its nodes are hosts there.
  for (const file of ["proxy/identity.json", "node/identity.json", "auth/admin.json"]) {
    const identity = parseHostCredentials(await Deno.readTextFile(`${main.dataDir}/${file}`));
    const { auth } = await east.addresses();
    const attempt = connectSsh({
      stream: await dial(auth?.port ?? 0),
      username: identity.hostId,
      credential: { key: identity.key, certificate: identity.certificate },
      verifyHost: () => {},
    });
    assertMatch(await refusal(attempt), /refused the login/, file);
  }
  // Its host CA makes no users, and its user CA no hosts.
  const { node } = await east.addresses();
  const login = async (credential: Credential) =>
    await connectSsh({
      stream: await dial(node?.port ?? 0),
      username: LOGIN,
      credential,
      verifyHost: () => {},
    });
  const asUser = {
    kind: "user" as const,
    keyId: "joe",
    principals: [LOGIN],
    extensions: { [EXTENSION.roles]: JSON.stringify({ roles: ["admin"] }) },
    validBefore: Math.floor(Date.now() / 1000) + 600,
  };
  assertEquals(await refusal(login(forged(keys.mainUser, asUser))), "", "a user of the trusted cluster");
  assertMatch(await refusal(login(forged(keys.mainHost, asUser))), /refused the login/);
  // It speaks for itself, not for the cluster that trusts it.
  const claims = { ...asUser.extensions, [EXTENSION.cluster]: "east" };
  assertMatch(
    await refusal(login(forged(keys.mainUser, { ...asUser, extensions: claims }))),
    /refused the login/,
  );
  const without = forged(keys.mainUser, { ...asUser, extensions: {} });
  assertMatch(await refusal(login(without)), /refused the login/, "no roles are no roles to be mapped");
});

Deno.test("a role's name of one cluster means nothing in the other, unless it is mapped", async () => {
  const spec = { allow: { logins: [LOGIN], node_labels: { "*": "*" }, rules: [] } };
  const role = (name: string) => ({ kind: "role", version: "v3", metadata: { name }, spec });
  for (const daemon of [main, east]) await putResources(daemon, role("operators"));
  await putUsers(main, { name: "max", logins: [LOGIN], roles: ["operators"] });
  const max = await cluster(main, "max", "east");
  try {
    const api = await max.api().then(({ api }) => api.call("servers.list", { role: "node" }), (error) => {
      throw error;
    }).then(() => "", messageOf);
    assertMatch(api, /no role of theirs is mapped/);
    assertMatch(await max.node("db1", 0, LOGIN).then(() => "", messageOf), /access denied/);
  } finally {
    max.close();
  }
});

Deno.test("a guest has the rights of a guest in the API, and is never the local user of the same name", async () => {
  const joe = await cluster(main, "joe", "east");
  const local = await cluster(east, "joe");
  try {
    const { api } = await joe.api();
    assertEquals((await api.call("servers.list", { role: "node" })).map(({ name }) => name), ["db1"]);
    assertEquals(await api.call("servers.list", { role: "auth" }), []);
    for (
      const call of [
        () => api.call("users.list", {}),
        () => api.call("cluster.get", {}),
        () => api.call("authorities.list", {}),
        () => api.call("resources.list", { kind: "role" }),
        () => api.call("tokens.list", {}),
        () => api.call("account.password", { password: "x", otp: "1", newPassword: "a long new password" }),
        () => api.call("clusters.list", {}),
        () => api.call("changes.watch", {}),
      ]
    ) {
      assertMatch(await call().then(() => "", messageOf), /may not call/);
    }
    // The two joes are two people: neither takes part in the other's sessions.
    const node = await local.node("db1", 0, LOGIN);
    const pty = {
      columns: 80,
      rows: 24,
      width: 0,
      height: 0,
      term: "xterm",
      modes: new Map<number, number>(),
    };
    const session = await node.shell({ pty });
    session.stream.resume();
    const { api: own } = await local.api();
    const [running] = await eventually("the session to be listed", async () => {
      const list = await own.call("sessions.list", {});
      return list.length > 0 ? list : undefined;
    });
    assertEquals(running?.user, "joe");
    const sid = running?.sid ?? "";
    await putResources(east, {
      kind: "role",
      version: "v3",
      metadata: { name: "plain" },
      spec: { allow: { logins: [LOGIN], node_labels: { "*": "*" }, rules: [] } },
    });
    await mapTo("plain");
    await eventually(
      "the mapping to be in force",
      async () => (await api.call("sessions.list", {})).length === 0 || undefined,
    );
    const guest = await joe.node("db1", 0, LOGIN);
    const joined = await guest.shell({ pty, env: { TELEPORT_SESSION: sid } });
    let told = "";
    for (const stream of [joined.stream, joined.stderr]) stream.on("data", (chunk) => told += chunk);
    assertNotEquals((await joined.exit).code, 0);
    assertMatch(told, /no role allows main:joe to join|not running|may not/);
    node.close();
    guest.close();
  } finally {
    joe.close();
    local.close();
    await mapTo("admin");
  }
});

/** Everybody of main gets this role in east. */
async function mapTo(role: string): Promise<void> {
  const document = [JSON.parse(await east.tctlOk("get", "tc/main", "--format=json"))].flat()[0];
  document.spec.role_map = [{ remote: "admin", local: [role] }];
  delete document.metadata.revision;
  const file = `${east.directory}/mapped.yaml`;
  await Deno.writeTextFile(file, stringify(document));
  await east.tctlOk("create", "-f", file);
}

Deno.test("through the tunnel comes who is of the other cluster: a stolen certificate of the trusting one does not", async () => {
  const joe = await cluster(main, "joe", "east");
  try {
    const stolen = forged(keys.eastUser, {
      kind: "user",
      keyId: "eve",
      principals: [LOGIN],
      extensions: { [EXTENSION.roles]: JSON.stringify({ roles: ["admin"] }) },
      validBefore: Math.floor(Date.now() / 1000) + 600,
    });
    const { node, auth } = await east.addresses();
    const direct = async () =>
      await connectSsh({
        stream: await dial(node?.port ?? 0),
        username: LOGIN,
        credential: stolen,
        verifyHost: () => {},
      });
    assertEquals(await refusal(direct()), "", "at the node itself it is good");
    assert(auth);
    for (const [destination, username] of [["proxy:db1:0@east", LOGIN], ["proxy:@east", "eve"]] as const) {
      const pipe = await joe.proxy.subsystem(destination);
      const attempt = connectSsh({ stream: pipe.stream, username, credential: stolen, verifyHost: () => {} });
      assertMatch(await refusal(attempt), /refused the login/, destination);
    }
    const event = await east.event(
      "auth",
      ({ error }) => /through the tunnel of cluster main/.test(String(error)),
    );
    assertEquals(event.success, false);
  } finally {
    joe.close();
  }
});

Deno.test("hostile destinations lead nowhere: other machines, other clusters behind, names that are none", async () => {
  const joe = await cluster(main, "joe");
  const { node } = await main.addresses();
  try {
    for (
      const destination of [
        `proxy:127.0.0.1:${node?.port}@east`,
        "proxy:localhost:22@east",
        "proxy:db1:0@main@east",
        "proxy:db1:0@east@main@east",
        "proxy:@east@main",
        "proxy:@",
        "proxy:@@",
        "proxy:db1:0@",
        "proxy:db1:0@EAST",
        "proxy:db1:0@east.",
        "proxy:db1:0@__proto__",
        "proxy:db1:0@constructor",
        "proxy:@east\n",
        `proxy:${"a".repeat(5000)}:0@east`,
        "proxy:../../etc/passwd:0@east",
        "proxy:db1\u0000:0@east",
        "proxy:db1:0@main:east",
      ]
    ) {
      const session = await joe.proxy.subsystem(destination).catch(() => undefined);
      if (!session) continue;
      let bytes = 0;
      session.stream.on("data", (chunk) => bytes += chunk.length);
      session.stderr.resume();
      const { code } = await session.exit;
      assertEquals([bytes, code], [0, 1], destination);
    }
  } finally {
    joe.close();
  }
});

Deno.test("what is removed on either side is cut in the middle of its work", async () => {
  const joe = await cluster(main, "joe", "east");
  try {
    const node = await joe.node("db1", 0, LOGIN);
    const session = await node.exec("cat");
    session.stream.write("there\n");
    await new Promise<void>((resolve) => session.stream.once("data", () => resolve()));
    await main.tctlOk("rm", "rc/east");
    await node.closed;
    await untilStatus(main, "east", undefined);
    const identity = parseHostCredentials(await Deno.readTextFile(`${east.dataDir}/proxy/identity.json`));
    const again = tunnelLogin(identity, `${identity.hostId}.east`);
    assertMatch(await refusal(again), /refused the login/);
    const { auth } = await east.addresses();
    // Users' certificates of before are nothing any more once the trust has gone.
    const user = forged(keys.mainUser, {
      kind: "user",
      keyId: "joe",
      principals: [LOGIN],
      extensions: { [EXTENSION.roles]: JSON.stringify({ roles: ["admin"] }) },
      validBefore: Math.floor(Date.now() / 1000) + 600,
    });
    const trust = trustOf(identity.cluster, identity.authorities);
    const login = { username: "joe", credential: user, trust };
    const guest = await loginToAuth(await dial(auth?.port ?? 0), login, systemClock);
    await (await openApi(guest)).call("servers.list", { role: "node" });
    await east.tctlOk("rm", "tc/main");
    await guest.closed;
    const after = dial(auth?.port ?? 0).then((stream) => loginToAuth(stream, login, systemClock));
    assertMatch(await refusal(after), /refused the login/);
  } finally {
    joe.close();
  }
});
