import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../src/base/errors.ts";
import { dialHalfOpen } from "../../src/base/dial.ts";
import { type ConnectOptions, connectSsh, type SshClient } from "../../src/ssh/client.ts";
import type { ClientSession } from "../../src/ssh/channel.ts";
import { freePort, IS_ROOT, LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { SshAgent } from "../kit/ssh_agent.ts";
import { certify, makeKey } from "../kit/ssh_keys.ts";
import { Sshd } from "../kit/sshd.ts";
import { textOf } from "../kit/stream_pair.ts";
import { said, saidAtLast, TextService } from "../kit/text_service.ts";

let sshd: Sshd;
let shared: string;
const logins: { client: SshClient; log: Promise<string> }[] = [];

Deno.test.beforeAll(async () => {
  // Its own xauth would write into the home of whoever runs the tests.
  sshd = await Sshd.prepare(["MaxSessions 2", "X11Forwarding yes", "XAuthLocation /bin/true"]);
  shared = await Deno.makeTempDir({ prefix: "channels-" });
});

Deno.test.afterAll(async () => {
  for (const { client, log } of logins) {
    client.close();
    await log; // it removes what it has made for its sessions
  }
  await sshd[Symbol.asyncDispose]();
  await Deno.remove(shared, { recursive: true });
});

/** Our client, logged in to OpenSSH's server. */
async function login(options: Partial<ConnectOptions> = {}): Promise<SshClient> {
  const key = makeKey("ed25519");
  const certificate = certify(sshd.userCas.ed25519, "user", key, [LOGIN], {
    extensions: Object.fromEntries(
      ["pty", "port-forwarding", "agent-forwarding", "X11-forwarding"].map((name) => [`permit-${name}`, ""]),
    ),
  });
  const { stream, log } = sshd.connect();
  const client = await connectSsh({
    stream,
    username: LOGIN,
    credential: { key, certificate },
    verifyHost: () => {},
    ...options,
  });
  logins.push({ client, log });
  return client;
}

/** Output and end of a command. */
async function finish(session: ClientSession) {
  let stderr = "";
  session.stderr.on("data", (chunk) => stderr += chunk);
  session.stream.end();
  const stdout = await textOf(session.stream).catch(() => "");
  return { stdout, stderr, ...await session.exit };
}

Deno.test("sshd listens for us on a port of ours or of its own choice, until we cancel", async () => {
  await using service = TextService.onPort("on our side");
  const client = await login();
  const origins: string[] = [];
  const dial = (origin: { address: string }): Promise<Duplex> => {
    origins.push(origin.address);
    return dialHalfOpen("127.0.0.1", service.port);
  };
  const wanted = freePort();
  const [fixed, free] = [
    await client.forwardRemote("localhost", wanted, dial),
    await client.forwardRemote("", 0, dial),
  ];
  assertEquals(fixed.port, wanted);
  assert(free.port > 0);
  for (const forward of [fixed, free]) {
    assertEquals(await said(forward.port), "on our side");
    await forward.close();
    await eventually(
      "the port to be closed",
      async () => await said(forward.port) === undefined || undefined,
    );
  }
  assertEquals(origins, ["127.0.0.1", "127.0.0.1"]);
  await assertRejects(
    () => client.forwardRemote("127.0.0.1", service.port, dial),
    AppError,
    "refused to listen on",
  );
  await assertRejects(() => fixed.close(), AppError, "refused to stop listening");
});

Deno.test("sockets of sshd's file system, both ways", async () => {
  await using there = await TextService.onSocket(`${shared}/there`, "on the server's side");
  await using here = TextService.onPort("on our side");
  const client = await login();
  const stream = await client.directStreamlocal(`${shared}/there`);
  assertEquals(await textOf(stream), "on the server's side");
  stream.end("bye");
  await eventually("our word to arrive", () => there.received[0] === "bye" || undefined);
  await assertRejects(() => client.directStreamlocal(`${shared}/none`), AppError, "refused to connect to");
  const path = `${shared}/made`;
  const forward = await client.forwardRemoteSocket(path, () => dialHalfOpen("127.0.0.1", here.port));
  assertEquals(await saidAtLast(path), "on our side");
  await forward.close();
});

Deno.test("a session at sshd has our agent and nothing more of it than its keys and signatures", async () => {
  await using agent = await SshAgent.start();
  const client = await login({ agent: () => Promise.resolve(connect(agent.socket)) });
  const session = await client.exec("ssh-add -l; ssh-add -D 2>/dev/null; echo $?", { agent: true });
  assertEquals([...session.refused], []);
  assertEquals((await finish(session)).stdout, `${agent.fingerprint}\n1\n`);
  assertEquals(await agent.list(), [agent.fingerprint]);
  const other = await client.exec("echo [$SSH_AUTH_SOCK]");
  assertMatch((await finish(other)).stdout, /^\[/); // sshd gives it to every session of a connection
});

Deno.test("an X11 connection at sshd comes to us", async () => {
  await using screen = TextService.onPort("drawn");
  const client = await login({ x11: () => dialHalfOpen("127.0.0.1", screen.port) });
  const x11 = { singleConnection: false, protocol: "MIT-MAGIC-COOKIE-1", cookie: "00".repeat(16), screen: 0 };
  const command = "exec 3<>/dev/tcp/127.0.0.1/$((6000 + $(echo ${DISPLAY#*:} | cut -d. -f1))); cat <&3";
  const session = await client.exec(`bash -c '${command}'`, { x11 });
  assertEquals([...session.refused], []);
  assertEquals((await finish(session)).stdout, "drawn");
});

Deno.test("signals reach a program at sshd, a break its terminal", async () => {
  const client = await login();
  const pty = { term: "xterm", columns: 80, rows: 24, width: 0, height: 0, modes: new Map([[53, 0]]) };
  const session = await client.exec("stty -a; echo ready; cat", { pty });
  let text = "";
  await new Promise<void>((resolve) =>
    session.stream.on("data", (chunk) => {
      text += chunk;
      if (text.includes("ready")) resolve();
    })
  );
  assertMatch(text, /-echo\b/, "the modes arrived");
  assertEquals(await session.break(0), true);
  session.close();
  if (IS_ROOT) return console.log("skipped, sshd passes no signals on to sessions of root: signals");
  const trapped = await client.exec(
    "trap 'echo caught; exit 7' USR1; echo ready; while :; do sleep 0.05; done",
  );
  trapped.stream.once("data", () => trapped.signal("USR1"));
  const { stdout, code } = await finish(trapped);
  assertEquals([stdout, code], ["ready\ncaught\n", 7]);
});

Deno.test("a program at sshd whose output we read no more ends", async () => {
  const client = await login();
  const session = await client.exec("yes");
  await new Promise((resolve) => session.stream.once("data", resolve));
  session.endOutput();
  session.stderr.resume();
  assertEquals((await session.exit).signal, "PIPE");
});

Deno.test("more sessions than sshd allows are refused; it answers when asked whether it is there", async () => {
  const client = await login({ keepAliveMs: 1000 });
  await client.keepalive();
  await client.exec("cat");
  await client.exec("cat");
  await assertRejects(() => client.exec("cat"), AppError, 'the server refused to run "cat"');
  await assertRejects(() => client.subsystem("none"), AppError);
  client.noMoreSessions();
  await client.keepalive();
});
