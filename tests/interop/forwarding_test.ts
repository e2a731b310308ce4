import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { writeAll } from "../../src/base/files.ts";
import { BackgroundSsh, type CertifiedUser, OwnCluster } from "../kit/certified_user.ts";
import { exists, freePort, IS_ROOT, LOGIN, withoutRoot } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, run } from "../kit/run.ts";
import { readToEnd, said, TextService } from "../kit/text_service.ts";

let cluster: OwnCluster;
let account: TemporaryUser | undefined;
/** May forward everything. */
let joe: CertifiedUser;
/** May forward nothing. */
let guest: CertifiedUser;
/** A folder where everybody can make files. */
let shared: string;

Deno.test.beforeAll(async () => {
  if (IS_ROOT) account = await TemporaryUser.create("tpfwd");
  const login = account?.name ?? LOGIN;
  cluster = await OwnCluster.start();
  joe = await cluster.user("joe", [login], ["pty", "port-forwarding"]);
  guest = await cluster.user("guest", [login], ["pty"]);
  shared = await Deno.makeTempDir({ prefix: "tpfwd-" });
  await Deno.chmod(shared, 0o1777);
});

Deno.test.afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await account?.[Symbol.asyncDispose]();
  await Deno.remove(shared, { recursive: true });
});

/** What is said at a port of the loopback address behind a SOCKS server (RFC 1928), once that listens. */
async function saidBySocks(socks: number, port: number): Promise<string> {
  using connection = await eventually("the SOCKS server", async () => {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port: socks });
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return undefined;
      throw error;
    }
  });
  const answer = async (length: number) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) at += await connection.read(bytes.subarray(at)) ?? length;
    return bytes;
  };
  await writeAll(connection, new Uint8Array([5, 1, 0]));
  assertEquals([...await answer(2)], [5, 0]);
  await writeAll(connection, new Uint8Array([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]));
  assertEquals((await answer(10))[1], 0);
  return await readToEnd(connection);
}

Deno.test("-L, -W and -J reach what listens behind the node", async () => {
  await using service = TextService.onPort("behind the node");
  const local = freePort();
  {
    await using ssh = joe.sshInBackground(["-N", "-L", `${local}:127.0.0.1:${service.port}`]);
    assertEquals(await ssh.said(local), "behind the node");
  }
  const through = await joe.ssh(["-W", `127.0.0.1:${service.port}`]);
  assertEquals(through.stdout, "behind the node", through.stderr);

  // The proxy is the jump host, and takes the node's name as its target.
  const config = `${joe.home}/config`;
  const { node } = await cluster.daemon.addresses();
  await Deno.writeTextFile(
    config,
    `Host *\n IdentityFile ${joe.keyFile}\n UserKnownHostsFile ${joe.home}/known_hosts\n StrictHostKeyChecking yes\n` +
      ` GlobalKnownHostsFile /dev/null\n BatchMode yes\n`,
  );
  const jump = ["-F", config, "-J", `${joe.login}@127.0.0.1:${joe.proxyPort}`, "-p", `${node?.port}`];
  const jumped = await run("ssh", [...jump, joe.target, "echo jumped"], { env: { HOME: joe.home } });
  assertEquals(jumped.stdout, "jumped\n", jumped.stderr);
});

Deno.test("-D sends each connection where its program asks", async () => {
  await using service = TextService.onPort("by SOCKS");
  const socks = freePort();
  {
    await using _ssh = joe.sshInBackground(["-N", "-D", `${socks}`]);
    assertEquals(await saidBySocks(socks, service.port), "by SOCKS");
  }
});

Deno.test("the other end of a forwarded connection may stop sending first, and still gets everything", async () => {
  await using service = TextService.onPort("all there is");
  const local = freePort();
  {
    await using ssh = joe.sshInBackground(["-N", "-L", `${local}:127.0.0.1:${service.port}`]);
    assertEquals(await ssh.said(local), "all there is");
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: local });
    assertEquals(await readToEnd(connection), "all there is");
    await writeAll(connection, new Uint8Array(300_000).fill(120));
    await connection.closeWrite();
    await eventually("what was sent to arrive", () => service.received[1]?.length === 300_000 || undefined);
  }
});

Deno.test("a target that nobody serves is refused with the reason, and both cases leave an event", async () => {
  const nobody = freePort();
  const { code, stderr } = await joe.ssh(["-W", `127.0.0.1:${nobody}`]);
  assertEquals(code, 255);
  assertStringIncludes(
    stderr,
    `open failed: connect failed: cannot connect to 127.0.0.1:${nobody}: nobody listens there`,
  );
  const event = await cluster.daemon.event("port", (event) => event.addr === `127.0.0.1:${nobody}`);
  assertEquals([event.success, event.user, event.login, event.forwarded], [
    false,
    "joe",
    joe.login,
    "connection",
  ]);
  assertStringIncludes(String(event.error), "nobody listens there");
});

/** The addresses of this machine where somebody listens on a port. */
async function listeningAddresses(port: number): Promise<string[]> {
  const LISTEN = "0A";
  const texts = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => Deno.readTextFile(path)));
  return texts.flatMap((text) => text.split("\n").slice(1)).map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && parseInt(local?.split(":")[1] ?? "", 16) === port)
    .map(([, local]) => local?.split(":")[0] ?? "");
}

Deno.test("-R brings connections from the node's loopback addresses to the client, whatever address was asked for", async () => {
  await using service = TextService.onPort("on the client's side");
  for (const bind of ["", "localhost:", "*:", "0.0.0.0:", "127.0.0.1:"]) {
    const port = freePort();
    {
      await using ssh = joe.sshInBackground(["-N", "-R", `${bind}${port}:127.0.0.1:${service.port}`]);
      assertEquals(await ssh.said(port), "on the client's side", bind);
      const loopback = ["0100007F", "00000000000000000000000001000000"];
      for (const address of await listeningAddresses(port)) {
        assert(loopback.includes(address), `${bind} ${address}`);
      }
    }
    await eventually(
      "the port to go with the connection",
      async () => await said(port) === undefined || undefined,
    );
  }
});

Deno.test("-R with a port that is taken or privileged is refused with the reason; nothing else suffers", async () => {
  await using service = TextService.onPort("x");
  for (
    const [port, reason] of [[service.port, /another program listens there/], [
      80,
      /for root only|may not use/,
    ]] as const
  ) {
    const result = await joe.ssh(["-v", "-R", `127.0.0.1:${port}:127.0.0.1:1`], ["echo", "went on"]);
    assertEquals(result.stdout, "went on\n");
    assertStringIncludes(result.stderr, `remote port forwarding failed for listen port ${port}`);
    assertMatch(result.stderr, reason);
    const event = await cluster.daemon.event(
      "port",
      (event) => event.addr === `127.0.0.1:${port}` && event.forwarded === "listener",
    );
    assertEquals([event.success, event.user], [false, "joe"]);
    assertMatch(String(event.error), reason);
  }
});

Deno.test("-R without a target makes the client a SOCKS server for the node", async () => {
  await using service = TextService.onPort("by reverse SOCKS");
  const port = freePort();
  {
    await using _ssh = joe.sshInBackground(["-N", "-R", `${port}`]);
    assertEquals(await saidBySocks(port, service.port), "by reverse SOCKS");
  }
});

Deno.test("one connection carries ten sessions, and forwards that come and go", async () => {
  await using service = TextService.onPort("through the master");
  const control = `${joe.home}/control`;
  await using _master = joe.sshInBackground(["-M", "-S", control, "-N"]);
  const ask = (args: string[], command: string[] = []) =>
    run("ssh", ["-F", "none", "-S", control, ...args, joe.target, ...command], { env: { HOME: joe.home } });
  await eventually("the master", async () => (await ask(["-O", "check"])).code === 0 || undefined);
  const sessions = await Promise.all(
    Array.from(
      { length: 10 },
      (_, i) => ask([], [`sleep 0.${i}; echo out ${i}; echo err ${i} >&2; exit ${i}`]),
    ),
  );
  sessions.forEach(({ code, stdout, stderr }, i) => {
    assertEquals({ code, stdout, stderr }, { code: i, stdout: `out ${i}\n`, stderr: `err ${i}\n` });
  });
  const forwarded = await ask(["-O", "forward", "-R", `0:127.0.0.1:${service.port}`]);
  const port = Number(forwarded.stdout);
  assert(port > 0, forwarded.stderr);
  assertEquals(await said(port), "through the master");
  const again = await ask(["-O", "forward", "-R", `${port}:127.0.0.1:1`]);
  assertStringIncludes(again.stderr, `remote port forwarding failed for listen port ${port}`);
  const cancelled = await ask(["-O", "cancel", "-R", `0:127.0.0.1:${service.port}`]);
  assertEquals(cancelled.code, 0, cancelled.stderr);
  await eventually("the port to be closed", async () => await said(port) === undefined || undefined);
  const event = await cluster.daemon.event(
    "port",
    (event) => event.addr === "localhost:0" && event.success === true,
  );
  assertEquals([event.user, event.login, event.forwarded], ["joe", joe.login, "listener"]);
  assertEquals(event["port.bound"], port);
  assertEquals((await ask(["-O", "exit"])).code, 0);
});

Deno.test("sockets of the node are reached with the rights of the login's OS user only", {
  ignore: withoutRoot("a socket that the login may not reach"),
}, async () => {
  await using open = await TextService.onSocket(`${shared}/open`, "open to all", 0o666);
  await using closed = await TextService.onSocket(`${shared}/closed`, "for root only", 0o600);
  for (const [name, text] of [["open", "open to all"], ["closed", ""]] as const) {
    const local = `${joe.home}/local-${name}`;
    await using ssh = joe.sshInBackground(["-N", "-L", `${local}:${shared}/${name}`]);
    const heard = await ssh.said(local);
    const stderr = await ssh.end();
    assertEquals(heard, text, stderr);
    if (name === "closed") {
      assertStringIncludes(
        stderr,
        `administratively prohibited: cannot connect to ${shared}/closed: Permission denied`,
      );
    }
    const event = await cluster.daemon.event("port", (event) => event.addr === `${shared}/${name}`);
    assertEquals([event.success, event.login, event.user], [name === "open", joe.login, "joe"]);
  }
  assertEquals([open.received.length, closed.received.length], [1, 0]);
});

Deno.test("-R makes a socket that belongs to the login's OS user, and removes it at the end", async () => {
  await using service = TextService.onPort("on the client's side");
  const path = `${shared}/made`;
  {
    await using ssh = joe.sshInBackground(["-N", "-R", `${path}:127.0.0.1:${service.port}`]);
    assertEquals(await ssh.said(path), "on the client's side");
    const { uid, mode, isSocket } = await Deno.lstat(path);
    assertEquals([uid, (mode ?? 0) & 0o777, isSocket], [account?.uid ?? Deno.uid(), 0o600, true]);
  }
  await eventually("the socket to be removed", async () => !(await exists(path)) || undefined);

  await Deno.writeTextFile(path, "somebody's file");
  const taken = await joe.ssh(["-v", "-R", `${path}:127.0.0.1:${service.port}`], ["echo", "went on"]);
  assertEquals(taken.stdout, "went on\n");
  assertStringIncludes(taken.stderr, "there is a file of that name already");
  assertEquals(await Deno.readTextFile(path), "somebody's file");
});

Deno.test("a folder that the login may not write is no place for a forwarded socket", {
  ignore: withoutRoot("a folder that the login may not write"),
}, async () => {
  const folder = `${shared}/roots`;
  await Deno.mkdir(folder, { mode: 0o755 });
  const { stderr } = await joe.ssh(["-v", "-R", `${folder}/s:127.0.0.1:1`], ["true"]);
  assertStringIncludes(stderr, "Permission denied");
  assertEquals([...Deno.readDirSync(folder)], []);
});

Deno.test("without the permit all forwarding is refused, told and in the audit log", async () => {
  await using service = TextService.onPort("never heard");
  const direct = await guest.ssh(["-W", `127.0.0.1:${service.port}`]);
  assertEquals([direct.code, direct.stdout], [255, ""]);
  assertStringIncludes(
    direct.stderr,
    "administratively prohibited: port forwarding is not permitted by your certificate",
  );
  const socket = `${shared}/refused`;
  const port = freePort();
  const listening = await guest.ssh(["-v", "-R", `${port}:127.0.0.1:1`, "-R", `${socket}:127.0.0.1:1`], [
    "echo",
    "went on",
  ]);
  assertEquals(listening.stdout, "went on\n");
  assertStringIncludes(listening.stderr, "port forwarding is not permitted by your certificate");
  const wanted = [`127.0.0.1:${service.port}`, `localhost:${port}`, socket];
  for (const addr of wanted) {
    const event = await cluster.daemon.event(
      "port",
      (event) => event.addr === addr && event.user === "guest",
    );
    assertEquals(event.success, false);
    assertStringIncludes(String(event.error), "not permitted by your certificate");
  }
  assertEquals(service.received, []);
});

Deno.test("a certificate with a command of its own forwards nothing, whatever else it permits", async () => {
  const forced = await cluster.user("forced", [joe.login], ["pty", "port-forwarding"], "echo forced");
  const { stderr } = await forced.ssh(["-W", "127.0.0.1:22"]);
  assertStringIncludes(stderr, "port forwarding is not permitted by your certificate");
  const port = freePort();
  const listening = await forced.ssh(["-R", `${port}:127.0.0.1:1`], ["anything"]);
  assertEquals(listening.stdout, "forced\n");
  assertStringIncludes(listening.stderr, "remote port forwarding failed");
});

Deno.test("the proxy listens for nobody, reaches no sockets, and says so", async () => {
  const direct = ["-p", `${joe.proxyPort}`, `${joe.login}@127.0.0.1`];
  const env = { HOME: joe.home };
  const listening = await run("ssh", [
    ...joe.options,
    "-v",
    "-R",
    "0:127.0.0.1:1",
    ...direct,
    "-s",
    "proxysites",
  ], { env });
  assertStringIncludes(listening.stderr, "this server does not listen for clients");
  const local = `${joe.home}/through-proxy`;
  await using ssh = new BackgroundSsh([...joe.options, "-N", "-L", `${local}:/run/x`, ...direct], env);
  await ssh.said(local);
  assertStringIncludes(await ssh.end(), "this server does not serve direct-streamlocal@openssh.com channels");
});

Deno.test("a session of a client that asks every second whether we are there goes on", async () => {
  const { code, stdout } = await joe.ssh(["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"], [
    "sleep 3; echo still here",
  ]);
  assertEquals([code, stdout], [0, "still here\n"]);
});

Deno.test("the escape ~B sends a break to a terminal, and the session goes on", async () => {
  const { stdout, stderr, code } = await joe.ssh(["-tt", "-e", "~"], ["read x; echo got $x"], {
    stdin: "\n~Bword\n",
  });
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /got/);
});

Deno.test("signals, breaks and the end of reading reach programs on the node, but not a forced command", async () => {
  const client = await cluster.connect(joe);
  const trapped = await client.exec(
    "trap 'echo caught; exit 7' USR1; echo ready; while :; do sleep 0.05; done",
  );
  trapped.stream.once("data", () => trapped.signal("USR1"));
  let text = "";
  trapped.stream.on("data", (chunk) => text += chunk);
  assertEquals([await trapped.exit, text], [{ code: 7 }, "ready\ncaught\n"]);

  const endless = await client.exec("yes");
  await new Promise((resolve) => endless.stream.once("data", resolve));
  assertEquals(await endless.break(0), false, "there is no terminal");
  endless.endOutput();
  const ended = await endless.exit; // what a shell makes of it depends on the shell
  assert(ended.signal === "PIPE" || ended.code === 128 + 13, JSON.stringify(ended));

  const pty = { term: "xterm", columns: 80, rows: 24, width: 0, height: 0, modes: new Map<number, number>() };
  const terminal = await client.exec("echo ready; cat", { pty });
  await new Promise((resolve) => terminal.stream.once("data", resolve));
  assertEquals(await terminal.break(500), true);
  terminal.stream.resume();
  terminal.close();
  await terminal.exit;
  client.close();

  const bound = await cluster.user(
    "bound",
    [joe.login],
    ["pty"],
    "trap 'exit 9' USR1; echo ready; read x; echo $x",
  );
  const other = await cluster.connect(bound);
  const forced = await other.exec("anything");
  text = "";
  forced.stream.on("data", (chunk) => text += chunk);
  await new Promise((resolve) => forced.stream.once("data", resolve));
  forced.signal("USR1");
  forced.stream.end("still here\n");
  assertEquals([await forced.exit, text], [{ code: 0 }, "ready\nstill here\n"]);
  other.close();
});

Deno.test("the terminal has the modes of the client's own", async () => {
  const words = [...joe.throughProxy, "-tt", joe.target].map((word) => `'${word}'`).join(" ");
  const script = `stty -echoe intr ^G erase ^H; ssh ${words} stty -a`;
  const { stdout } = await run("script", ["-qec", script, "/dev/null"], { env: { HOME: joe.home } });
  assertMatch(stdout, /intr = \^G;/);
  assertMatch(stdout, /erase = \^H;/);
  assertMatch(stdout, /-echoe\b/);
});
