import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { Daemon } from "../kit/cluster.ts";
import { ending } from "../kit/second_node.ts";
import { certifyUser } from "../kit/raw_ssh.ts";
import { eventually, run, runProgram } from "../kit/run.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");

async function configure(...args: string[]) {
  return await runProgram("teleport", ["configure", ...args]);
}

/** Checks a file of this text. */
async function checked(text: string) {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    const { code, stdout, stderr } = await configure("--test", path);
    return { code, stdout, lines: stderr.replaceAll(path, "FILE").split("\n").filter(Boolean) };
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("teleport configure prints a sample that starts as it is", async () => {
  const { code, stdout: sample } = await configure();
  assertEquals(code, 0);
  assert(sample.startsWith("# A sample configuration"));
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  try {
    // Only places change: ports, addresses and folders that a test must not use.
    const moved = sample
      .replace(/0\.0\.0\.0:\d+/g, "127.0.0.1:0")
      .replace("/var/lib/teleport", `${directory}/data`)
      .replace("/var/run/teleport.pid", `${directory}/pid`);
    await Deno.writeTextFile(`${directory}/sample.yaml`, moved);
    await using daemon = await Daemon.start({ directory, args: ["-c", `${directory}/sample.yaml`] });
    const { auth, proxySsh, proxyWeb, node } = await daemon.addresses();
    assert(auth && proxySsh && proxyWeb && node, "every role is up");
    assertEquals(Number(await Deno.readTextFile(`${directory}/pid`)), await daemon.pid());
    const [listed] = JSON.parse(await daemon.tctlOk("nodes", "ls", "--format=json"));
    assertEquals([listed.labels.role, listed.labels.env], ["master", "staging"]);
    const hostname = (await run("hostname", [])).stdout.trim();
    assertEquals(listed.labels.hostname, hostname);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("teleport configure takes roles, names and tokens, and refuses what no configuration could hold", async () => {
  const node = await configure("--roles=node", "--token=secret-token", "--auth-server=auth.example.com");
  assertStringIncludes(node.stdout, 'auth_token: "secret-token"');
  assertStringIncludes(node.stdout, 'auth_servers: ["auth.example.com"]');
  assertMatch(node.stdout, /^auth_service:\n {2}enabled: no$/m);
  assertMatch(node.stdout, /^ssh_service:\n {2}enabled: yes$/m);
  const all = await configure("--cluster-name=main", "--public-addr=gw.example.com:443");
  assertStringIncludes(all.stdout, 'cluster_name: "main"');
  assertStringIncludes(all.stdout, 'public_addr: "gw.example.com:443"');
  for (const { stdout } of [node, all]) {
    assertEquals(await checked(stdout), { code: 0, stdout: "configuration is valid\n", lines: [] });
  }
  for (const bad of ["--roles=nod", "--cluster-name=a b", "--public-addr=a:b", "--token=a b"]) {
    const { code, stdout } = await configure(bad);
    assertEquals([code, stdout], [1, ""], bad);
  }
});

Deno.test("teleport configure --test names line and key of every fault, and says when there is none", async () => {
  const bad = await checked(`teleport:
  nodname: x
  log: {severity: loud}
auth_service:
  tokens: ["node:/no/such/file"]
ssh_service:
  listen_addr: a:b
proxy_service: {https_key_file: /k}
`);
  assertEquals(
    bad.lines.map((line) => /^(?:FILE:\d+:\d+: .*"([\w.]+)"|error)/.exec(line)?.[0].slice(0, 10)),
    [
      "FILE:2:3: ",
      "FILE:3:9: ",
      "FILE:5:12:",
      "FILE:7:3: ",
      "FILE:8:17:",
      "error",
    ].map((text) => text.slice(0, 10)),
    bad.lines.join("\n"),
  );
  assertEquals([bad.code, bad.lines.at(-1)], [1, "error: 5 faults in FILE"]);
  const many = await checked(`teleport: {${Array.from({ length: 40 }, (_, i) => `zz${i}: 1`).join(", ")}}`);
  assertEquals(many.lines.length, 41);
  const good = await checked("teleport: {storage: {type: bolt}, manual_config: yes}");
  assertEquals([good.code, good.stdout, good.lines.length], [0, "configuration is valid\n", 2]);
  assert(good.lines.every((line) => line.startsWith("warning: FILE:1:")), good.lines.join("\n"));
  const missing = await configure("--test", "/no/such/file.yaml");
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "/no/such/file.yaml");
});

Deno.test("TELEPORT_CONFIG holds a whole file in base64, and replaces the file", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  try {
    const text = `teleport: {nodename: coded, data_dir: ${directory}/data, log: {output: stderr}}
auth_service: {cluster_name: main, listen_addr: "127.0.0.1:0"}
ssh_service: {listen_addr: "127.0.0.1:0"}
proxy_service: {enabled: no}
`;
    await using daemon = await Daemon.start({ directory, env: { TELEPORT_CONFIG: btoa(text) } });
    const [node] = JSON.parse(await daemon.tctlOk("nodes", "ls", "--format=json"));
    assertEquals(node.name ?? node.hostname, "coded");
    assertEquals((await daemon.addresses()).proxyWeb, undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an old file with storage type bolt starts with a warning, and its users survive a restart", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  const options = {
    directory,
    teleport: { storage: { type: "bolt" } },
    auth: { license_file: "/no/such/license.pem" },
  };
  try {
    {
      await using daemon = await Daemon.start(options);
      assertStringIncludes(daemon.stderr, 'storage type "bolt" means the embedded store');
      await daemon.user("olduser", [LOGIN]);
    }
    await using again = await Daemon.start(options);
    assertStringIncludes(await again.tctlOk("users", "ls"), "olduser");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an unknown connector type, second factor or recording mode stops the start and is named", async () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ authentication: { type: "ldap" } }, '"auth_service.authentication.type": "ldap" is none of'],
    [
      { authentication: { second_factor: "sms" } },
      '"auth_service.authentication.second_factor": "sms" is none',
    ],
    [{ session_recording: "tape" }, '"auth_service.session_recording": "tape" is none of'],
  ];
  for (const [auth, text] of cases) {
    await using daemon = await Daemon.spawn({ auth });
    assertEquals((await ending(daemon)).code, 1);
    await eventually(text, () => daemon.stderr.includes(text) || undefined); // the last words may come late
  }
});

Deno.test("without lists of algorithms a modern default set is offered", async () => {
  await using daemon = await Daemon.start();
  const { node } = await daemon.addresses();
  const { stderr } = await run("ssh", [
    ...["-vv", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
    ...["-o", "UserKnownHostsFile=/dev/null", "-p", `${node?.port}`, "x@127.0.0.1", "true"],
  ]);
  const [, proposal = ""] = stderr.split("peer server KEXINIT proposal");
  const offered = (what: string) => new RegExp(`debug2: ${what}: (.*)`).exec(proposal)?.[1]?.trim() ?? "";
  assertStringIncludes(offered("KEX algorithms"), "curve25519-sha256");
  assertStringIncludes(offered("ciphers stoc"), "chacha20-poly1305@openssh.com");
  assertStringIncludes(offered("ciphers stoc"), "aes128-gcm@openssh.com");
  assertStringIncludes(offered("MACs stoc"), "hmac-sha2-256-etm@openssh.com");
  const all = ["KEX algorithms", "host key algorithms", "ciphers stoc", "ciphers ctos", "MACs stoc"].map(
    offered,
  );
  assertEquals(/sha1\b|-cbc|arcfour|3des|md5|ssh-dss|\bssh-rsa\b/.exec(all.join(",")), null);
});

const HEADER = "PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\r\n";

/** Tries to log in with a certificate of a strange authority, behind some first bytes. */
async function strangeLogin(port: number, first: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(first);
  const key = generateKey();
  const credential = { key, certificate: certifyUser(generateKey(), key, "joe", "joe") };
  await assertRejects(() =>
    connectSsh({ stream: socket, username: "joe", credential, verifyHost: () => {} })
  );
  socket.destroy();
}

/** Waits for the event of a login that was refused to a client at this address. */
async function refusedFrom(daemon: Daemon, address: string, count: number): Promise<void> {
  await eventually(`${count} refused logins from ${address}`, async () => {
    const events = (await daemon.events()).filter((event) =>
      event.event === "auth" && event.success === false && `${event["addr.remote"]}`.split(":")[0] === address
    );
    return events.length >= count || undefined;
  });
}

Deno.test("a balancer that is named tells where clients are: on proxy, node, auth and web", async () => {
  const told = { proxy_protocol: ["127.0.0.1"] };
  // The roles of this process reach auth without a balancer.
  await using daemon = await Daemon.start({ node: told, proxy: told, auth: { proxy_protocol: "on" } });
  const { auth, node, proxySsh, proxyWeb } = await daemon.addresses();
  assertStringIncludes(daemon.stderr, '"proxy_protocol: on" whoever reaches the port can claim any address');
  let seen = 0;
  for (const server of [proxySsh, node, auth]) {
    await strangeLogin(server?.port ?? 0, HEADER);
    await refusedFrom(daemon, "192.0.2.7", ++seen);
  }
  const raw = connect(proxyWeb?.port ?? 0, "127.0.0.1");
  raw.write(HEADER);
  const body = JSON.stringify({ user: "nobody", password: "wrong", otp_token: "000000", pub_key: KEY });
  const answer = await ask(connectTls({ socket: raw, rejectUnauthorized: false }), [
    "POST /webapi/ssh/certs HTTP/1.1",
    `Host: 127.0.0.1:${proxyWeb?.port}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Connection: close",
    "",
    body,
  ]);
  assertMatch(answer, /^HTTP\/1\.1 40[13] /);
  await daemon.event("user.login", (event) => event["addr.remote"] === "192.0.2.7");
  // Who is a balancer must say where the client is.
  await strangeLogin(proxySsh?.port ?? 0, "");
  await daemon.event("client.refused", ({ reason }) => `${reason}`.includes("no PROXY header"));
});

const KEY = btoa("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKm3nRLUhcxJzvIS0w9YxcaeeLX9yBJ0yi7RZPWFtq1e\n");

async function ask(socket: Duplex, lines: string[]): Promise<string> {
  let answer = "";
  socket.on("data", (chunk: Uint8Array) => answer += new TextDecoder().decode(chunk));
  const ended = once(socket, "end");
  socket.write(lines.join("\r\n"));
  await ended;
  socket.destroy();
  return answer;
}

Deno.test("a PROXY header of somebody else is no header: nobody can claim an address", async () => {
  await using daemon = await Daemon.start({ proxy: { proxy_protocol: ["10.99.0.0/16"] } });
  const { auth, node, proxySsh } = await daemon.addresses();
  for (const server of [proxySsh, node, auth]) {
    await strangeLogin(server?.port ?? 0, HEADER);
  }
  await strangeLogin(proxySsh?.port ?? 0, "");
  await refusedFrom(daemon, "127.0.0.1", 1);
  assertEquals(
    (await daemon.events()).some((event) => `${event["addr.remote"]}`.startsWith("192.0.2")),
    false,
  );
});

Deno.test("ssh_public_addr is what users are told, and the host certificate carries it", async () => {
  await using daemon = await Daemon.start({ proxy: { ssh_public_addr: ["ssh.example.com:2222"] } });
  const { stdout } = await run("curl", ["-sk", `https://${await daemon.webAddress()}/webapi/ping`]);
  assertEquals(JSON.parse(stdout).proxy.ssh.public_addr, "ssh.example.com:2222");
});
