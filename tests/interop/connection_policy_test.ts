import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatCertificateLine } from "../../src/ssh/certificate.ts";
import { formatPrivateKey, generateKey } from "../../src/ssh/private_key.ts";
import type { SessionHandlers } from "../../src/ssh/server_session.ts";
import { BackgroundSsh } from "../kit/certified_user.ts";
import { eventually, run } from "../kit/run.ts";
import { certify } from "../kit/ssh_keys.ts";
import { startTestServer, type TestServer } from "../kit/ssh_pair.ts";

let home: string;

Deno.test.beforeAll(async () => {
  home = await Deno.makeTempDir({ prefix: "policy-" });
  const key = generateKey();
  await Deno.writeTextFile(`${home}/key`, formatPrivateKey(key), { mode: 0o600 });
  const certificate = certify(generateKey(), "user", key, ["joe"]); // this server takes any
  await Deno.writeTextFile(`${home}/key-cert.pub`, formatCertificateLine(certificate));
});

Deno.test.afterAll(() => Deno.remove(home, { recursive: true }));

/** Programs: one that says "hello", and others that wait for their input to end. */
const session = (): SessionHandlers => ({
  exec(channel, command) {
    channel.write("hello\n");
    const end = () => {
      channel.exit(0);
      channel.end();
    };
    if (command === "hello") end();
    else channel.once("end", end).resume();
  },
});

const optionsFor = (server: TestServer) => [
  ...[
    "-F",
    "none",
    "-i",
    `${home}/key`,
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    "BatchMode=yes",
    "-p",
    `${server.port}`,
  ],
  ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=VERBOSE"],
];

Deno.test("stock ssh answers when it is asked whether it is there; one that is stopped is given up", async () => {
  await using server = await startTestServer({ session }, { keepAliveMs: 60 });
  const connected = server.connection();
  const args = [...optionsFor(server), "-vvv", "joe@127.0.0.1", "wait"];
  await using ssh = new BackgroundSsh(args, { HOME: home });
  const connection = await connected;
  assertEquals(await ssh.firstLine(), "hello");
  await ssh.reported(/rtype keepalive@openssh\.com/g, 10); // more than the patience with a silent peer
  assertEquals(server.server.connections.size, 1);
  ssh.stop();
  await connection.closed;
});

Deno.test("the session that is one too many is refused, and the reason reaches the user of stock ssh", async () => {
  await using server = await startTestServer({ session }, { maxSessionsPerConnection: 1 });
  const control = `${home}/control`;
  const master = new BackgroundSsh([...optionsFor(server), "-M", "-S", control, "joe@127.0.0.1", "wait"], {
    HOME: home,
  });
  const ask = (...args: string[]) =>
    run("ssh", ["-F", "none", "-S", control, ...args], { env: { HOME: home } });
  assertEquals(await master.firstLine(), "hello");
  await eventually(
    "the master",
    async () => (await ask("-O", "check", "joe@127.0.0.1")).code === 0 || undefined,
  );
  const refused = await Promise.all(
    Array.from({ length: 5 }, () => ask("-o", "ProxyCommand=false", "joe@127.0.0.1", "hello")),
  );
  for (const { stdout, stderr } of refused) {
    assertEquals(stdout, "");
    assertMatch(stderr, /session request failed: Session open refused by peer/);
  }
  assertStringIncludes(
    await master.end(),
    "open failed: resource shortage: too many sessions on this connection: 1 are allowed",
  );
});
