// tsh in the place of OpenSSH's programs: forwarding, agents, labels, files, and other people's tools that call it.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createServer, type Server } from "node:net";
import { Daemon } from "../kit/cluster.ts";
import { accepts, freePort } from "../kit/machine.ts";
import { eventually, programArgs, run, spawn } from "../kit/run.ts";
import { joinToken, startNode } from "../kit/second_node.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");
const cluster = await Daemon.start({ nodename: "alpha", node: { labels: { env: "prod", tier: "front" } } });
const second = await startNode(cluster, {
  nodename: "beta",
  token: await joinToken(cluster),
  labels: { env: "prod", tier: "back" },
});
const joe = await cluster.user("joe", [LOGIN]);
await joe.loginOk();
const work = await Deno.makeTempDir({ prefix: "tsh-ssh-" });
const target = `${LOGIN}@alpha`;

Deno.test.afterAll(async () => {
  await second.stop();
  await cluster.stop();
  await Deno.remove(work, { recursive: true });
});

/** A server that answers each connection with a line and its end. */
async function greeter(text: string): Promise<Server & { port: number }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(`${text}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(server, { port: (server.address() as { port: number }).port });
}

async function read(port: number): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return await new Response(connection.readable).text();
}

/** Runs `tsh ssh ARGS` while `use` runs, then ends it. @returns what it said */
async function during(args: string[], use: (said: () => string) => Promise<void>): Promise<string> {
  const child = spawn(Deno.execPath(), programArgs("tsh", ["ssh", ...args]), {
    env: { HOME: joe.options.home, USER: "joe" },
  });
  let said = "";
  const listening = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  try {
    await use(() => said);
  } finally {
    child.kill("SIGTERM");
    await child.stdin.close().catch(() => {});
    await child.stdout.cancel();
    await child.status;
    await listening;
  }
  return said;
}

Deno.test("tsh ssh -L and -D carry connections to where the node reaches, and -N runs nothing", async () => {
  const server = await greeter("from afar");
  const [local, socks] = [freePort(), freePort()];
  const path = `${work}/local.sock`;
  const said = await during(
    [
      "-N",
      "-L",
      `${local}:127.0.0.1:${server.port}`,
      "-L",
      `${path}:127.0.0.1:${server.port}`,
      "-D",
      `${socks}`,
      target,
    ],
    async () => {
      await eventually("the forwards", async () => await accepts(socks) || undefined);
      assertEquals(await read(local), "from afar\n");
      assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
      const socket = await Deno.connect({ transport: "unix", path });
      assertEquals(await new Response(socket.readable).text(), "from afar\n");
      for (const version of ["--socks4", "--socks4a", "--socks5", "--socks5-hostname"]) {
        const url = `http://localhost:${server.port}/`;
        const { stdout, stderr } = await run("curl", [
          "-sS",
          "--http0.9",
          version,
          `127.0.0.1:${socks}`,
          url,
        ]);
        assertEquals(stdout, "from afar\n", stderr);
      }
      const { code } = await run("curl", [
        "-s",
        "--socks5",
        `127.0.0.1:${socks}`,
        `http://127.0.0.1:${freePort()}/`,
      ]);
      assertEquals(code, 97); // the proxy says no, and the session goes on
      assertEquals(await read(local), "from afar\n");
    },
  );
  assertStringIncludes(said, "refused to connect to 127.0.0.1:");
  server.close();
});

Deno.test("tsh ssh -R listens on the node and tells the port it got", async () => {
  const server = await greeter("from home");
  await during(["-N", "-R", `0:127.0.0.1:${server.port}`, target], async (said) => {
    const port = await eventually(
      "the port",
      () => /Allocated port (\d+) for remote forward/.exec(said())?.[1],
    );
    assertEquals(await read(Number(port)), "from home\n");
  });
  server.close();
});

Deno.test("a forward that cannot be had ends tsh with the reason", async () => {
  const server = await greeter("taken");
  const { code, stderr } = await joe.tsh(["ssh", "-N", "-L", `${server.port}:127.0.0.1:1`, target]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `cannot listen on 127.0.0.1:${server.port}`);
  server.close();
});

Deno.test("tsh ssh -f is in the background once its forwards are up, --local runs a command here while connected", async () => {
  const server = await greeter("behind");
  const port = freePort();
  const { code, stdout } = await joe.tsh(
    [
      "ssh",
      "--local",
      "-L",
      `${port}:127.0.0.1:${server.port}`,
      target,
      "curl",
      "-sS",
      "--http0.9",
      `127.0.0.1:${port}`,
    ],
  );
  assertEquals([code, stdout], [0, "behind\n"]);
  const failing = await joe.tsh(["ssh", "--local", target, "sh", "-c", "exit 7"]);
  assertEquals(failing.code, 7);

  const back = freePort();
  const { code: ended } = await run(
    Deno.execPath(),
    programArgs("tsh", ["ssh", "-fN", "-L", `${back}:127.0.0.1:${server.port}`, target]),
    {
      env: { HOME: joe.options.home, USER: "joe" },
    },
  );
  assertEquals(ended, 0);
  try {
    assertEquals(await read(back), "behind\n");
  } finally {
    await run("pkill", ["-f", `${back}:127.0.0.1:${server.port}`]);
  }
  server.close();
});

Deno.test("tsh ssh -A lends the running agent, and only then", async () => {
  const agent = `${work}/agent.sock`;
  const { stdout: started } = await run("ssh-agent", ["-a", agent]);
  try {
    const key = `${work}/key`;
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "the key", "-f", key]);
    await run("ssh-add", ["-q", key], { env: { SSH_AUTH_SOCK: agent } });
    const env = { SSH_AUTH_SOCK: agent };
    const lent = await joe.tsh(["ssh", "-A", target, "ssh-add", "-l"], { env });
    assertStringIncludes(lent.stdout, "the key", lent.stderr);
    const not = await joe.tsh(["ssh", target, "echo [$SSH_AUTH_SOCK]"], { env });
    assertEquals(not.stdout, "[]\n");
  } finally {
    await run("kill", [/SSH_AGENT_PID=(\d+)/.exec(started)?.[1] ?? ""]);
  }
});

Deno.test("exit codes, standard input, variables and -W are as with ssh", async () => {
  const codes = await Promise.all([
    joe.tsh(["ssh", target, "exit 3"]),
    joe.tsh(["ssh", target, "cat; echo $LC_TEST"], { stdin: "typed\n", env: { LC_TEST: "locale" } }),
    joe.tsh(["ssh", "-n", target, "wc -c"], { stdin: "not read" }),
    joe.tsh(["ssh", "-o", "SetEnv=LC_OWN=mine", target, "echo $LC_OWN"]),
    joe.tsh(["ssh", "-tt", target, "test -t 0 && echo terminal"]),
    joe.tsh(["ssh", `${LOGIN}@nowhere`, "true"]),
  ]);
  assertEquals(codes[0].code, 3);
  assertEquals(codes[1].stdout, "typed\nlocale\n");
  assertEquals(codes[2].stdout, "0\n");
  assertEquals(codes[3].stdout, "mine\n");
  assertEquals(codes[4].stdout, "terminal\r\n");
  assertEquals(codes[5].code, 1);
  assertStringIncludes(codes[5].stderr, 'no node is called "nowhere"');
  const server = await greeter("through");
  assertEquals((await joe.tsh(["ssh", "-W", `127.0.0.1:${server.port}`, target])).stdout, "through\n");
  server.close();
});

Deno.test("labels run a command on every node that has them, each line with the node's name", async () => {
  const both = await joe.tsh(["ssh", `${LOGIN}@env=prod`, "echo out; echo err >&2"]);
  assertEquals(both.stdout.split("\n").toSorted(), ["", "alpha: out", "beta: out"]);
  assertEquals(both.stderr.split("\n").toSorted(), ["", "alpha: err", "beta: err"]);
  assertEquals(both.code, 0);
  const one = await joe.tsh(["ssh", `${LOGIN}@env=prod,tier=back`, "exit 4"]);
  assertEquals(one.code, 4);
  assertStringIncludes(one.stderr, "failed on 1 of 1 nodes");
  const none = await joe.tsh(["ssh", `${LOGIN}@env=none`, "true"]);
  assertStringIncludes(none.stderr, "no node has the labels env=none");
  const shell = await joe.tsh(["ssh", `${LOGIN}@env=prod`]);
  assertMatch(shell.stderr, /need one node; these match: alpha, beta/);
});

for (const legacy of [false, true]) {
  Deno.test(`tsh scp copies both ways, folders and patterns, ${legacy ? "by the old protocol" : "by sftp"}`, async () => {
    const flags = legacy ? ["-O"] : [];
    const here = await Deno.makeTempDir({ dir: work }), there = await Deno.makeTempDir({ dir: work });
    await Deno.mkdir(`${here}/tree/inner`, { recursive: true });
    const big = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${here}/tree/inner/big.bin`, big, { mode: 0o640 });
    await Deno.writeTextFile(`${here}/tree/a b's.txt`, "blank");
    await Deno.utime(`${here}/tree/inner/big.bin`, 1_000_000_000, 1_000_000_000);
    const up = await joe.tsh(["scp", ...flags, "-rp", `${here}/tree`, `${target}:${there}`]);
    assertEquals([up.code, up.stderr, up.stdout], [0, "", ""]);
    assertEquals(await Deno.readFile(`${there}/tree/inner/big.bin`), big);
    const info = await Deno.stat(`${there}/tree/inner/big.bin`);
    assertEquals([(info.mode ?? 0) & 0o777, info.mtime?.getTime()], [0o640, 1_000_000_000_000]);
    const down = await joe.tsh(["scp", ...flags, `${target}:${there}/tree/*.txt`, `${here}/`]);
    assertEquals([down.code, down.stderr], [0, ""]);
    assertEquals(await Deno.readTextFile(`${here}/a b's.txt`), "blank");
    const across = await joe.tsh([
      "scp",
      ...flags,
      `${target}:${there}/tree/inner/big.bin`,
      `${LOGIN}@beta:${there}/copy`,
    ]);
    assertEquals([across.code, across.stderr], [0, ""]);
    assertEquals(await Deno.readFile(`${there}/copy`), big);
    const missing = await joe.tsh(["scp", ...flags, `${target}:${there}/missing`, `${here}/`]);
    assertEquals(missing.code, 1);
    assertMatch(missing.stderr, /missing.*no such file/i);
  });
}

Deno.test("tsh config makes stock ssh and scp work, and can be taken out again", async () => {
  const file = `${joe.options.home}/.ssh/config`;
  await Deno.mkdir(`${joe.options.home}/.ssh`, { recursive: true, mode: 0o700 });
  const own = "Host elsewhere\n    User somebody\n";
  await Deno.writeTextFile(file, own, { mode: 0o600 });
  const written = await joe.tsh(["config", "--write"]);
  assertEquals(written.code, 0, written.stderr);
  const text = await Deno.readTextFile(file);
  assertStringIncludes(text, own);
  assertStringIncludes((await joe.tsh(["config", "--write"])).stdout, "is as it should be");
  assertEquals(await Deno.readTextFile(file), text);
  const stock = ["-F", file, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"];
  const ssh = await run("ssh", [...stock, `${target}.main`, "echo by stock ssh"]);
  assertEquals(ssh.stdout, "by stock ssh\n", ssh.stderr);
  await Deno.writeTextFile(`${work}/up.txt`, "file");
  const scp = await run("scp", ["-q", ...stock, `${work}/up.txt`, `${target}.main:${work}/there.txt`]);
  assertEquals(scp.code, 0, scp.stderr);
  assertEquals(await Deno.readTextFile(`${work}/there.txt`), "file");
  assertEquals((await joe.tsh(["config", "--remove"])).code, 0);
  assertEquals(await Deno.readTextFile(file), own);
});

/** Scripts by the names `ssh` and `scp`, as links to the built executable would be. */
async function asOpenSsh(): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: work });
  for (const name of ["ssh", "scp"]) {
    const args = programArgs("tsh", []).slice(0, -1).map((arg) => `'${arg}'`).join(" ");
    const script = `#!/bin/sh\nTELEPORT_CALLED_AS=${name} exec '${Deno.execPath()}' ${args} "$@"\n`;
    await Deno.writeTextFile(`${folder}/${name}`, script, { mode: 0o755 });
  }
  return folder;
}

Deno.test("a reader of output that has had enough ends the program, and a disk that is full is told", async () => {
  const env = { HOME: joe.options.home, USER: "joe" };
  const into = (where: string, command: string) =>
    run(
      "sh",
      ["-c", `"$@" ${where}`, "sh", Deno.execPath(), ...programArgs("tsh", ["ssh", target, command])],
      {
        env,
        timeoutMs: 30_000,
      },
    );
  const mark = `${work}/ended`;
  const head = await into("| head -n 1", `sh -c 'yes; echo over >${mark}'`);
  assertEquals([head.code, head.stdout], [0, "y\n"], head.stderr);
  assertEquals(await Deno.readTextFile(mark), "over\n");

  const full = await into(">/dev/full", "yes");
  assertEquals(full.code, 1);
  assertStringIncludes(full.stderr, "cannot write what the node sends: No space left on device");
});

Deno.test("by the name ssh it serves git and rsync, by the name scp it copies", async () => {
  const bin = await asOpenSsh();
  const env = {
    HOME: joe.options.home,
    USER: "joe",
    PATH: `${bin}:${Deno.env.get("PATH")}`,
    GIT_SSH_COMMAND: `${bin}/ssh`,
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  const named = await run(`${bin}/ssh`, ["-i", "/nowhere/id_rsa", target, "echo in"], { env });
  assertEquals(named.stdout, "in\n", named.stderr);
  const failed = await run(`${bin}/ssh`, [`${LOGIN}@nowhere`, "true"], { env });
  assertEquals(failed.code, 255);
  assertMatch(failed.stderr, /^ssh: /);

  const repository = `${work}/repo.git`;
  const git = (args: string[], cwd = work) =>
    run("git", ["-c", "user.name=j", "-c", "user.email=j@x", ...args], { env, cwd });
  await git(["init", "-q", "--bare", "-b", "main", repository]);
  const clone = await git(["clone", "-q", `ssh://${LOGIN}@alpha${repository}`, "copy"]);
  assertEquals(clone.code, 0, clone.stderr);
  await Deno.writeTextFile(`${work}/copy/file`, "content");
  await git(["add", "file"], `${work}/copy`);
  await git(["commit", "-qm", "first"], `${work}/copy`);
  const push = await git(["push", "-q", "origin", "HEAD:main"], `${work}/copy`);
  assertEquals(push.code, 0, push.stderr);
  const remote = await git(["ls-remote", `${target}:${repository}`]);
  assertMatch(remote.stdout, /refs\/heads\/main/, remote.stderr);

  const rsync = await run("rsync", ["-a", "-e", `${bin}/ssh`, `${work}/copy/`, `${target}:${work}/mirror/`], {
    env,
  });
  assertEquals(rsync.code, 0, rsync.stderr);
  assertEquals(await Deno.readTextFile(`${work}/mirror/file`), "content");
  const scp = await run(`${bin}/scp`, ["-q", `${target}:${work}/mirror/file`, `${work}/by-scp`], { env });
  assertEquals(scp.code, 0, scp.stderr);
  assert(await Deno.readTextFile(`${work}/by-scp`) === "content");
});
