import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { connectAs } from "../kit/login_files.ts";
import { freePort, IS_ROOT, LOGIN, noProcessWith, processesWith, terminalsOf } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, programArgs, run, spawn } from "../kit/run.ts";
import type { User } from "../kit/user.ts";

let cluster: Daemon;
let joe: User;
let account: TemporaryUser | undefined;
/** As root a fresh account: root's own start-up files may be slow, or wait for each other. */
let login = LOGIN;

Deno.test.beforeAll(async () => {
  if (IS_ROOT) account = await TemporaryUser.create("tpmany");
  login = account?.name ?? LOGIN;
  cluster = await Daemon.start();
  joe = await cluster.user("joe", [login]);
  await joe.loginOk();
});

Deno.test.afterAll(async () => {
  await cluster.stop();
  await account?.[Symbol.asyncDispose]();
});

/** A number that appears in no other command line. */
const marker = () => `31${crypto.getRandomValues(new Uint32Array(1))[0]}`;
const target = () => `${login}@alpha.main`;
const PTY = { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map<number, number>() };

/** The daemon holds no terminal any more. */
async function noTerminals(): Promise<void> {
  const pid = await cluster.pid();
  await eventually("no open terminal", async () => await terminalsOf(pid) === 0 || undefined);
}

Deno.test("fifty sessions at once, half of them on terminals, all give the right output", async () => {
  const before = await connectAs(joe);
  before.close();
  const jobs = Array.from({ length: 50 }, async (_, i) => {
    const terminal = i % 2 === 1;
    const command = `echo start-${i}; sleep 0.2; echo $((${i} * 7)); exit ${i}`;
    const result = await joe.ssh(`${login}@alpha`, command, { args: terminal ? ["-tt"] : [] });
    const end = terminal ? "\r\n" : "\n";
    assertEquals(
      { code: result.code, stdout: result.stdout },
      { code: i, stdout: `start-${i}${end}${i * 7}${end}` },
      `${result.stderr}${cluster.stderr}`,
    );
  });
  await Promise.all(jobs);
  await noTerminals();
  const ends = async () =>
    (await cluster.events()).filter((event) => event.event === "session.end" && event.exitCode === 49);
  await eventually(
    "the end of the last session in the log",
    async () => (await ends()).length > 0 || undefined,
  );
  assertEquals((await ends()).length, 1);
});

Deno.test("a client killed in the middle of a terminal session leaves no process and no terminal, and its recording ends", async () => {
  const number = marker();
  const child = spawn("ssh", [...joe.sshArgs, "-tt", target(), `echo begun; exec sleep ${number}`], {
    env: { HOME: joe.options.home },
  });
  try {
    await eventually(
      "the program to run",
      async () => (await commandsStarting(`sleep ${number}`)) > 0 || undefined,
    );
    assert(await terminalsOf(await cluster.pid()) > 0);
  } finally {
    await hangUp(child, "SIGKILL");
  }
  await noProcessWith(number);
  await noTerminals();
  const start = await cluster.event("session.start", (event) => String(event.command).includes(number));
  const end = await cluster.event("session.end", (event) => event.sid === start.sid);
  assertEquals(end.user, "joe");
  const recording = await eventually("the recording's end on auth", async () => {
    const path = `${cluster.dataDir}/log/sessions/default/${start.sid}.session.log`;
    const text = await Deno.readTextFile(path).catch(() => "not there yet");
    return text.includes('"session.end"') ? text : undefined;
  });
  assertStringIncludes(recording, '"session.start"');
  assertMatch((await joe.tsh(["play", "--raw", String(start.sid)])).stdout, /begun/);
});

Deno.test("a client killed in the middle of a command leaves no process", async () => {
  const number = marker();
  const child = spawn("ssh", [...joe.sshArgs, target(), `sleep ${number} & sleep ${number}; true`], {
    env: { HOME: joe.options.home },
  });
  try {
    await eventually(
      "both programs to run",
      async () => (await commandsStarting(`sleep ${number}`)) === 2 || undefined,
    );
  } finally {
    await hangUp(child, "SIGKILL");
  }
  await noProcessWith(number);
  const exec = await cluster.event("exec", (event) => String(event.command).includes(number));
  assertEquals(exec.user, "joe");
});

/** Ends a client, and closes what connects it to the test. */
async function hangUp(child: Deno.ChildProcess, signal: Deno.Signal): Promise<void> {
  child.kill(signal);
  await Promise.all([child.status, child.stdin.abort(), child.stdout.cancel(), child.stderr.cancel()]);
}

async function commandsStarting(text: string): Promise<number> {
  let count = 0;
  for (const pid of await processesWith(text)) {
    const line = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    if (line.replaceAll("\0", " ").startsWith(text)) count++;
  }
  return count;
}

Deno.test("a resized window reaches the program and leaves a resize event", async () => {
  const client = await connectAs(joe);
  try {
    const node = await client.node("alpha", 0, login);
    const session = await node.exec(
      `trap 'stty size; exit 5' WINCH; stty size; while :; do sleep 0.05; done`,
      { pty: PTY },
    );
    let output = "";
    session.stream.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
    await eventually("the first size", () => output.includes("24 80") || undefined);
    session.resize({ columns: 132, rows: 43, width: 0, height: 0 });
    const status = await session.exit;
    assertEquals(status.code, 5);
    await eventually("the second size", () => output.includes("43 132") || undefined);
  } finally {
    client.close();
  }
  await cluster.event("resize", (event) => event.size === "132:43" && event.user === "joe");
});

Deno.test("tsh passes the size of its own terminal on, also when it changes", async () => {
  const number = marker();
  const tsh = [Deno.execPath(), ...programArgs("tsh", ["ssh", "-t", `${login}@alpha`])]
    .map((word) => `'${word}'`).join(" ");
  const remote = `trap "stty size; exit 6" WINCH; stty size; : ${number}; while :; do sleep 0.05; done`;
  const child = spawn("script", ["-qefc", `stty rows 30 cols 90; ${tsh} '${remote}'`, "/dev/null"], {
    env: { HOME: joe.options.home, TERM: "xterm", SHELL: "/bin/sh" },
  });
  let output = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) output += text;
  })();
  await eventually("the first size", () => output.includes("30 90") || undefined);
  const terminal = await eventually("tsh's terminal", async () => {
    for (const pid of await processesWith(number)) {
      const line = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
      const tty = await Deno.readLink(`/proc/${pid}/fd/0`).catch(() => "");
      if (line.includes("main.ts") && tty.startsWith("/dev/pts/")) return tty;
    }
    return undefined;
  });
  await run("stty", ["-F", terminal, "rows", "41", "cols", "121"]);
  const { code } = await child.status;
  await Promise.all([reading, child.stdin.close(), child.stderr.cancel()]);
  assertStringIncludes(output, "41 121");
  assertEquals(code, 6);
});

Deno.test("a program that a signal ended is reported as such", async () => {
  const stock = await joe.ssh(`${login}@alpha`, "kill -9 $$");
  assertEquals(stock.code, 255);
  const tsh = await joe.tsh(["ssh", `${login}@alpha`, "kill -TERM $$"]);
  assertEquals(tsh.code, 255);
  const event = await cluster.event("exec", (event) => event.command === "kill -9 $$");
  assertStringIncludes(String(event.exitError), "signal");
});

Deno.test("the locale reaches a session, what would load code into it does not", async () => {
  const args = [
    "-o",
    "SetEnv=LANG=de_DE.UTF-8 LC_TIME=C LD_PRELOAD=/tmp/evil.so BASH_ENV=/tmp/evil HOME=/tmp PATH=/evil SSH_TELEPORT_USER=root",
  ];
  const { stdout } = await joe.ssh(`${login}@alpha`, "env", { args });
  assertMatch(stdout, /^LANG=de_DE\.UTF-8$/m);
  assertMatch(stdout, /^LC_TIME=C$/m);
  assert(!/LD_PRELOAD|BASH_ENV|evil/.test(stdout), stdout);
  assertMatch(stdout, /^SSH_TELEPORT_USER=joe$/m);
  assert(!/^HOME=\/tmp$/m.test(stdout));
  assert(!/SSH_AUTH_SOCK|DENO_|TELEPORT_CONFIG/.test(stdout), "nothing of the daemon's own environment");
});

Deno.test("a shell without a terminal is recorded as any other", async () => {
  const result = await run("ssh", [...joe.sshArgs, "-T", target()], {
    env: { HOME: joe.options.home },
    stdin: "echo said without a terminal\nexit 4\n",
  });
  assertEquals(result.code, 4, result.stderr);
  assertStringIncludes(result.stdout, "said without a terminal");
  const end = await cluster.event("session.end", (event) => event.exitCode === 4);
  const played = await joe.tsh(["play", "--raw", String(end.sid)]);
  assertStringIncludes(played.stdout, "said without a terminal");
});

/** Stock ssh with a jump through the proxy. */
function jump(host: string, command: string) {
  const common = [
    ...["-i", joe.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${joe.options.home}/.tsh/known_hosts`, "-o", "StrictHostKeyChecking=yes"],
  ];
  return { common, args: ["-J", `${login}@127.0.0.1:${joe.options.sshPort}`, `${login}@${host}`, command] };
}

Deno.test("ssh -J through the proxy reaches a node, and no host that is none", async () => {
  const { common, args } = jump("alpha.main", "echo jumped");
  // ssh starts its jump with the same file, so that the options reach it.
  const file = `${joe.options.home}/ssh_config`;
  const lines = [];
  for (let i = 0; i < common.length; i++) {
    if (common[i] === "-i") lines.push(`IdentityFile ${common[++i]}`);
    else if (common[i] === "-o") lines.push((common[++i] ?? "").replace("=", " "));
  }
  await Deno.writeTextFile(file, lines.map((line) => `${line}\n`).join(""));
  const env = { HOME: joe.options.home };
  const good = await run("ssh", ["-F", file, ...args], { env });
  assertEquals(good.stdout, "jumped\n", good.stderr);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const host of ["example.com", "localhost"]) {
    const { args: elsewhere } = jump(host, "true");
    const refused = await run("ssh", ["-F", file, "-p", String(listener.addr.port), ...elsewhere], { env });
    assertEquals(refused.code, 255);
    assertMatch(refused.stderr, /no node is called|open failed|administratively prohibited/);
  }
});

Deno.test("the proxy forwards to no unregistered host", async () => {
  const client = await connectAs(joe);
  try {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { node } = await cluster.addresses();
    const reached = listener.accept().then((connection) => {
      connection.close();
      return true;
    }, () => false);
    const asked = [["127.0.0.1", listener.addr.port], ["localhost", listener.addr.port], [
      "alpha",
      listener.addr.port,
    ]];
    for (const [host, port] of asked) {
      const error = await client.proxy.directTcpip(String(host), Number(port)).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert(error instanceof Error, `${host}:${port} is refused`);
    }
    const stream = await client.proxy.directTcpip("alpha", node?.port ?? 0);
    stream.destroy();
    listener.close();
    assertEquals(await reached, false);
  } finally {
    client.close();
  }
});

Deno.test("twenty megabytes go in and come back unchanged, with the end of file", async () => {
  const path = `${joe.options.home}/big`;
  const data = new Uint8Array(20 * 1024 * 1024);
  for (let at = 0; at < data.length; at += 65_536) crypto.getRandomValues(data.subarray(at, at + 65_536));
  await Deno.writeFile(path, data);
  const words = [...joe.sshArgs, target()].map((word) => `'${word}'`).join(" ");
  const { code, stderr } = await run("sh", [
    "-c",
    `ssh ${words} 'cat; echo done >&2' < ${path} > ${path}.back`,
  ], {
    env: { HOME: joe.options.home },
  });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "done");
  const { stdout } = await run("sh", ["-c", `md5sum < ${path}; md5sum < ${path}.back`]);
  const [sent, received] = stdout.split("\n");
  assertEquals(received, sent);
  const tsh = [Deno.execPath(), ...programArgs("tsh", ["ssh", `${login}@alpha`])].map((word) => `'${word}'`)
    .join(" ");
  const counted = await run("sh", ["-c", `${tsh} md5sum < ${path}`], { env: { HOME: joe.options.home } });
  assertEquals(counted.stdout, `${sent}\n`, counted.stderr);
});

Deno.test("what a command says last on standard error is not lost behind output that waits for a slow reader", async () => {
  const words = [...joe.sshArgs, target()].map((word) => `'${word}'`).join(" ");
  // More than the window and every buffer on the way, read only after the command has ended.
  const command = "head -c 4000000 /dev/zero; echo the last word >&2; exit 3";
  const script = `{ ssh ${words} '${command}'; echo "code $?" >&2; } | { sleep 1; wc -c; }`;
  const { stdout, stderr } = await run("sh", ["-c", script], { env: { HOME: joe.options.home } });
  assertEquals(stdout.trim(), "4000000");
  assertEquals(stderr, "the last word\ncode 3\n");
});

Deno.test("ssh -L through a node works, and both an allowed and a failed connection leave an event", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("from behind the node"));
      connection.close();
    }
  })();
  const [open, dead] = [freePort(), freePort()];
  const nobody = freePort();
  const child = spawn("ssh", [
    ...joe.sshArgs,
    ...["-N", "-L", `${open}:127.0.0.1:${listener.addr.port}`, "-L", `${dead}:127.0.0.1:${nobody}`],
    target(),
  ], { env: { HOME: joe.options.home } });
  try {
    const read = async (port: number) => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const buffer = new Uint8Array(100);
      const count = await connection.read(buffer);
      return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    };
    const text = await eventually("the forwarded port", async () => {
      try {
        return await read(open);
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused) return undefined;
        throw error;
      }
    });
    assertEquals(text, "from behind the node");
    assertEquals(await read(dead).catch(() => ""), "");
    const allowed = await cluster.event("port", (event) => event.addr === `127.0.0.1:${listener.addr.port}`);
    assertEquals([allowed.success, allowed.user, allowed.login], [true, "joe", login]);
    const failed = await cluster.event("port", (event) => event.addr === `127.0.0.1:${nobody}`);
    assertEquals(failed.success, false);
  } finally {
    await hangUp(child, "SIGTERM");
  }
  listener.close();
  await serving;
});

Deno.test("after all of this the daemon holds no terminal and no session's process", async () => {
  await noTerminals();
  const children = await eventually("no child of the daemon", async () => {
    const text = await Deno.readTextFile(`/proc/${await cluster.pid()}/task/${await cluster.pid()}/children`);
    return text.trim() === "" ? "none" : undefined;
  });
  assertEquals(children, "none");
});
