// What a proxy that stands in for hosts must not let through, and what it must not be able to do.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Duplex } from "node:stream";
import { identifyHost } from "../../src/api/identity.ts";
import { listenOn } from "../../src/base/listen.ts";
import { AppError, isAppError } from "../../src/base/errors.ts";
import { TARGET_CERTIFICATE } from "../../src/model/limits.ts";
import { relayAgent } from "../../src/ssh/agent_relay.ts";
import { loginAgent } from "../../src/ssh/agent_server.ts";
import { formatCertificateLine, parseCertificateLine } from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { formatPrivateKey, generateKey } from "../../src/ssh/private_key.ts";
import { type Routes, SshServer } from "../../src/ssh/server.ts";
import { WireReader } from "../../src/ssh/wire.ts";
import { streamPair } from "../../src/base/stream_pair.ts";
import { dial, putResources } from "../kit/admin.ts";
import { type AuthFixture, startAuth } from "../kit/auth_fixture.ts";
import { type CertifiedUser, OwnCluster } from "../kit/certified_user.ts";
import { IS_ROOT, LOGIN } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { HOST } from "../kit/recording_cluster.ts";
import { run, spawn } from "../kit/run.ts";
import { SshAgent } from "../kit/ssh_agent.ts";
import { certify } from "../kit/ssh_keys.ts";
import { StockSshd } from "../kit/stock_sshd.ts";

let cluster: OwnCluster;
let account: TemporaryUser | undefined;
let login = LOGIN;
let sshd: StockSshd;
let agent: SshAgent;

Deno.test.beforeAll(async () => {
  account = IS_ROOT ? await TemporaryUser.create("tpsec") : undefined;
  login = account?.name ?? LOGIN;
  cluster = await OwnCluster.start({
    auth: { session_recording: "proxy" },
    proxy: { allow_unregistered_nodes: "yes" },
  });
  agent = await SshAgent.start();
  const { directory, authorities } = cluster;
  const key = generateKey();
  await Deno.writeTextFile(`${directory}/host`, formatPrivateKey(key), { mode: 0o600 });
  const certificate = certify(authorities.host, "host", key, [HOST]);
  await Deno.writeTextFile(`${directory}/host-cert.pub`, formatCertificateLine(certificate));
  await Deno.writeTextFile(`${directory}/user_ca.pub`, authorities.user.publicKey.toLine());
  sshd = await StockSshd.start([
    `ListenAddress ${HOST}`,
    `TrustedUserCAKeys ${directory}/user_ca.pub`,
    `HostKey ${directory}/host`,
    `HostCertificate ${directory}/host-cert.pub`,
  ]);
});

Deno.test.afterAll(async () => {
  await sshd[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  await account?.[Symbol.asyncDispose]();
});

/** Somebody whose certificate has the login, and whose agent holds it. */
async function person(name: string, roles?: string[]): Promise<CertifiedUser> {
  const permits = ["pty", "agent-forwarding", "port-forwarding"] as const;
  const user = await cluster.user(name, [login], [...permits], undefined, roles && { roles });
  await agent.add(user.keyFile);
  return user;
}

/** Stock ssh: `outer` is known to the proxy, `inner` to the host. */
function words(outer: CertifiedUser, inner: CertifiedUser, ...more: string[]): string[] {
  const port = `${outer.proxyPort}`;
  const proxy = ["ssh", ...outer.options, "-A", "-p", port, `${login}@127.0.0.1`, "-s", "proxy:%h:%p"];
  const target = ["-p", `${sshd.port}`, `${login}@${HOST}`];
  return [...inner.options, "-o", `ProxyCommand=${proxy.join(" ")}`, ...target, ...more];
}

const env = () => ({ HOME: cluster.directory, ...agent.env });

Deno.test("a login that no role allows is refused by the proxy, although the host takes the certificate", async () => {
  await putResources(cluster.daemon, {
    kind: "role",
    version: "v3",
    metadata: { name: "guest" },
    spec: { allow: { logins: ["guest"], node_labels: { "*": "*" } } },
  });
  const eve = await person("eve", ["guest"]);
  const direct = ["-p", `${sshd.port}`, `${login}@${HOST}`, "echo in"];
  assertEquals((await run("ssh", [...eve.options, ...direct], { env: env() })).stdout, "in\n");
  const { code, stdout, stderr } = await run("ssh", words(eve, eve, "echo in"), { env: env() });
  assertEquals([code, stdout], [255, ""]);
  assertStringIncludes(stderr, "Permission denied");
  const { error } = await cluster.daemon.event(
    "auth",
    (event) =>
      event.user === "eve" && event.success === false && String(event.error).includes("not authorized"),
  );
  assertEquals(
    error,
    `user eve@main is not authorized to login as ${login}@main: no role allows this login on this node`,
  );
});

Deno.test("a host without labels is there only for whom a role lets go everywhere", async () => {
  await putResources(cluster.daemon, {
    kind: "role",
    version: "v3",
    metadata: { name: "staging" },
    spec: { allow: { logins: [login], node_labels: { env: "staging" } } },
  });
  const sam = await person("sam", ["staging"]);
  const { code, stderr } = await run("ssh", words(sam, sam, "echo in"), { env: env() });
  assertEquals(code, 255);
  assertStringIncludes(stderr, `no node is called "${HOST}"`);
});

Deno.test("what a role takes back is not granted any more, whatever the certificate still permits", async () => {
  await putResources(cluster.daemon, {
    kind: "role",
    version: "v3",
    metadata: { name: "bare" },
    spec: {
      options: { port_forwarding: false, forward_agent: false },
      allow: { logins: [login], node_labels: { "*": "*" } },
    },
  });
  const pat = await person("pat", ["bare"]);
  const lent = await run("ssh", words(pat, pat, "echo [$SSH_AUTH_SOCK]").toSpliced(0, 0, "-A"), {
    env: env(),
  });
  assertEquals(lent.stdout, "[]\n", lent.stderr);
  const forward = ["-o", "ExitOnForwardFailure=yes", "-N", "-R", "0:127.0.0.1:1"];
  const refused = await run("ssh", [...forward, ...words(pat, pat)], { env: env() });
  assertEquals(refused.code, 255);
  await cluster.daemon.event("port", ({ user, forwarded }) => user === "pat" && forwarded === "listener");
  const events = (await cluster.daemon.events()).filter(({ event, user }) =>
    event === "port" && user === "pat"
  );
  assertEquals(events.map(({ forwarded, success }) => [forwarded, success]), [
    ["agent", false],
    ["listener", false],
  ]);
});

Deno.test("who is locked is cut off in the middle of a session, and told", async () => {
  const lou = await person("lou");
  const child = spawn("ssh", words(lou, lou, "-tt", "echo begun; sleep 600"), { env: env() });
  try {
    await cluster.daemon.event("session.start", ({ user }) => user === "lou");
    await cluster.daemon.tctlOk("users", "lock", "lou");
    const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals(code, 255);
    assertStringIncludes(stderr, "teleport: you are disconnected");
  } finally {
    await Promise.allSettled([child.stdin.close(), child.stdout.cancel()]);
  }
  await cluster.daemon.event("session.end", ({ user }) => user === "lou");
});

Deno.test("nobody goes through somebody else's connection to the proxy", async () => {
  const [ann, bob] = [await person("ann"), await person("bob")];
  assertEquals((await run("ssh", words(ann, ann, "echo in"), { env: env() })).stdout, "in\n");
  const { code, stderr } = await run("ssh", words(ann, bob, "echo in"), { env: env() });
  assertEquals(code, 255);
  assertStringIncludes(stderr, "Permission denied");
  const { error } = await cluster.daemon.event("auth", ({ user, success }) => user === "bob" && !success);
  assertEquals(error, "the connection to the proxy is ann's: nobody else uses it, also not bob");
});

/** A host of the cluster that does what a test wants. */
async function hostile(routes: Routes<string>): Promise<{ port: number; close(): Promise<void> }> {
  const key = generateKey();
  const certificate = certify(cluster.authorities.host, "host", key, [HOST]);
  const server = new SshServer<string>({
    hostCredential: { key, certificate },
    authenticator: { certificate: ({ username }) => username },
    routes,
  });
  const listener = await listenOn({ host: HOST, port: 0 }, (socket) => server.accept(socket));
  return {
    port: listener.port,
    async close() {
      listener.close();
      await server.close(0);
    },
  };
}

Deno.test("the agent signs one login for the proxy, and the host reaches it only if the user forwards it there", async () => {
  const max = await person("max");
  const asked: string[] = [];
  const real = loginAgent(max.credential, new Set([login]));
  /** Notes what is asked for, and passes it on. */
  const noting = async (): Promise<Duplex> => {
    const [near, far] = streamPair();
    const [watched, inner] = streamPair();
    far.on("data", (request: Uint8Array) => {
      const reader = new WireReader(request);
      reader.uint32();
      if (reader.byte() === 13) asked.push(signedFor(reader));
      inner.write(request);
    }).once("end", () => inner.end());
    inner.on("data", (answer: Uint8Array) => far.write(answer));
    void relayAgent(watched, await real());
    return near;
  };
  const stolen: string[] = [];
  const host = await hostile({
    session: (connection) => ({
      exec: async (channel) => {
        await connection.openAgent().then(() => stolen.push("opened"), (error) => {
          if (!isAppError(error)) throw error;
          stolen.push(error.code);
        });
        channel.exit(0);
        channel.end();
      },
    }),
  });
  const proxy = await connectSsh({
    stream: await dial(max.proxyPort),
    username: login,
    credential: max.credential,
    agent: noting,
    verifyHost: () => {},
  });
  try {
    const pipe = await proxy.subsystem(`proxy:${HOST}:${host.port}`, { agent: true });
    const inner = await connectSsh({
      stream: pipe.stream,
      username: login,
      credential: max.credential,
      agent: noting,
      verifyHost: () => {},
    });
    const session = await inner.exec("true");
    for (const output of [session.stream, session.stderr]) output.resume();
    assertEquals((await session.exit).code, 0);
    assertEquals(stolen, ["access_denied"]);
    assertEquals(asked, [`${login} ssh-connection publickey`]);
    const lent = await inner.exec("true", { agent: true });
    for (const output of [lent.stream, lent.stderr]) output.resume();
    await lent.exit;
    assertEquals(stolen, ["access_denied", "opened"]);
  } finally {
    proxy.close();
    await host.close();
  }
});

/** What a signature request is about: the login that it proves. */
function signedFor(request: WireReader): string {
  request.string();
  const data = new WireReader(request.string());
  data.string();
  assertEquals(data.byte(), 50);
  return [data.text(), data.text(), data.text()].join(" ");
}

Deno.test("a host that never answers holds up nobody but those who want it", async () => {
  const silent = await listenOn({ host: HOST, port: 0 }, (socket) => void socket.on("error", () => {}));
  const nia = await person("nia");
  const stuck = words(nia, nia, "true").map((word) => word === `${sshd.port}` ? `${silent.port}` : word);
  const child = spawn("ssh", stuck, { env: env() });
  try {
    assertEquals((await run("ssh", words(nia, nia, "echo in"), { env: env() })).stdout, "in\n");
    const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals(code, 255);
    assertStringIncludes(stderr, "the server did not answer in time");
  } finally {
    await Promise.allSettled([child.stdin.close(), child.stdout.cancel()]);
    silent.close();
  }
});

/** A proxy that is a member, as joining would leave it. */
async function joined(
  fixture: AuthFixture,
  name: string,
  role: "proxy" | "node",
  publicNames: string[] = [],
) {
  const id = crypto.randomUUID();
  const key = generateKey();
  const roles = { [role]: key.publicKey.fingerprint };
  const record = { id, name, roles, publicNames, tokenId: "x", joined: 1 };
  await fixture.backend.commit([{ type: "put", key: ["host", id], value: JSON.stringify(record) }]);
  return { id, publicKey: key.publicKey.toLine() };
}

Deno.test("a proxy gets certificates for hosts only where proxies record, and only for its own key", async () => {
  for (const sessionRecording of ["node", "off", "proxy"] as const) {
    await using fixture = await startAuth({ settings: { sessionRecording } });
    const { id, publicKey } = await joined(fixture, "door", "proxy");
    const { api } = await fixture.connectHost("proxy", id);
    const ask = (publicKey: string) => api.call("certificates.target", { names: ["luna"], publicKey });
    await assertRejects(() => ask(generateKey().publicKey.toLine()), AppError);
    if (sessionRecording === "proxy") await ask(publicKey);
    else await assertRejects(() => ask(publicKey), AppError, "session_recording");
  }
});

Deno.test("what a recording proxy gets for a host is its own identity with other names, and ends soon", async () => {
  await using fixture = await startAuth({ settings: { sessionRecording: "proxy" } });
  const { id, publicKey } = await joined(fixture, "door", "proxy");
  const { api } = await fixture.connectHost("proxy", id);
  const answer = await api.call("certificates.target", { names: ["luna", "luna.example.com"], publicKey });
  const certificate = parseCertificateLine(answer.certificate);
  const now = fixture.clock.now();
  const identity = identifyHost(certificate, { trust: fixture.trust, now, name: "luna" });
  assertEquals([identity.role, identity.hostId], ["proxy", id]);
  assertEquals(certificate.principals, ["luna", "luna.example.com"]);
  assert(certificate.validBefore * 1000 <= now + TARGET_CERTIFICATE.ttl + 1000);
  const [event] = (await fixture.events("cert.create")).filter(({ names }) => names !== undefined);
  assertEquals([event?.names, event?.server_id], ["luna,luna.example.com", id]);
});

Deno.test("a recording proxy cannot stand in for other proxies, nor for the cluster", async () => {
  await using fixture = await startAuth({ settings: { sessionRecording: "proxy" } });
  const { id, publicKey } = await joined(fixture, "door", "proxy", ["door.example.com", "127.0.0.1"]);
  const other = await joined(fixture, "gate", "proxy", ["gate.example.com"]);
  const node = await joined(fixture, "luna", "node");
  const { api } = await fixture.connectHost("proxy", id);
  const ask = (name: string) => api.call("certificates.target", { names: ["mars", name], publicKey });
  const cluster = fixture.cluster;
  for (const name of ["gate", "GATE.example.com", other.id, `gate.${cluster}`, "door.example.com", cluster]) {
    await assertRejects(() => ask(name), AppError, "no proxy stands in for", name);
  }
  for (const name of ["luna", `luna.${cluster}`, node.id, "127.0.0.1", "::1", "sshd.example.com"]) {
    await ask(name);
  }
});
