// Other people's tools over stock ssh, set up by `tsh config`: git, rsync, tar, one connection with many sessions.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { eventually, run, spawn } from "../kit/run.ts";

const cluster = await Daemon.start({ nodename: "alpha" });
const joe = await cluster.user("joe", [LOGIN]);
await joe.loginOk();
await joe.tsh(["config", "--write"]);
const work = await Deno.makeTempDir({ prefix: "tools-" });
const config = `${joe.options.home}/.ssh/config`;
const SSH = ["ssh", "-F", config, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"];
const target = `${LOGIN}@alpha.main`;
const env = {
  HOME: joe.options.home,
  GIT_SSH_COMMAND: SSH.join(" "),
  GIT_CONFIG_GLOBAL: "/dev/null",
  USER: "joe",
};

Deno.test.afterAll(async () => {
  await cluster.stop();
  await Deno.remove(work, { recursive: true });
});

const ssh = (args: string[], stdin?: string | Uint8Array) =>
  run("ssh", [...SSH.slice(1), ...args], { env, stdin, timeoutMs: 120_000 });

async function ok(command: string, args: string[], cwd = work): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { env, cwd, timeoutMs: 120_000 });
  assertEquals(code, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

Deno.test("git clones, pushes and fetches thousands of objects and a large one", async () => {
  const git = (args: string[], cwd = work) =>
    ok("git", ["-c", "user.name=j", "-c", "user.email=j@x", ...args], cwd);
  await git(["init", "-q", "-b", "main", "source"]);
  const source = `${work}/source`;
  for (let i = 0; i < 3000; i++) {
    if (i % 100 === 0) await Deno.mkdir(`${source}/d${i / 100}`);
    await Deno.writeTextFile(`${source}/d${Math.floor(i / 100)}/f${i}`, `content ${i}\n`);
  }
  const blob = new Uint8Array(20_000_000);
  for (let at = 0; at < blob.length; at += 65_536) crypto.getRandomValues(blob.subarray(at, at + 65_536));
  await Deno.writeFile(`${source}/big.bin`, blob);
  await git(["add", "."], source);
  await git(["commit", "-qm", "all"], source);
  await git(["init", "-q", "--bare", "-b", "main", `${work}/remote.git`]);
  await git(["push", "-q", `${target}:${work}/remote.git`, "main"], source);
  await git(["clone", "-q", `ssh://${target}${work}/remote.git`, "clone"]);
  assertEquals(await git(["rev-parse", "HEAD"], `${work}/clone`), await git(["rev-parse", "HEAD"], source));
  await git(["fsck", "--full"], `${work}/clone`);
  await git(["fetch", "-q", "--all"], `${work}/clone`);
  assertMatch(await git(["ls-remote", `${target}:${work}/remote.git`]), /refs\/heads\/main/);
});

Deno.test("rsync mirrors both ways, deletes, keeps times and links, and goes on after a break", async () => {
  const tree = `${work}/tree`;
  await Deno.mkdir(`${tree}/sub dir`, { recursive: true });
  for (let i = 0; i < 500; i++) await Deno.writeTextFile(`${tree}/sub dir/ö ${i}`, `${i}`);
  await Deno.symlink("sub dir/ö 1", `${tree}/link`);
  await Deno.utime(`${tree}/sub dir/ö 2`, 1e9, 1e9);
  const big = new Uint8Array(8_000_000);
  for (let at = 0; at < big.length; at += 65_536) crypto.getRandomValues(big.subarray(at, at + 65_536));
  await Deno.writeFile(`${tree}/big`, big);
  const rsync = (...args: string[]) => ok("rsync", ["-a", "-e", SSH.join(" "), ...args]);
  await rsync(`${tree}/`, `${target}:${work}/mirror/`);
  await ok("diff", ["-r", tree, `${work}/mirror`]);
  assertEquals((await Deno.stat(`${work}/mirror/sub dir/ö 2`)).mtime?.getTime(), 1e12);
  assertEquals(await Deno.readLink(`${work}/mirror/link`), "sub dir/ö 1");
  await Deno.remove(`${tree}/sub dir/ö 3`);
  await rsync("--delete", `${tree}/`, `${target}:${work}/mirror/`);
  await rsync("--checksum", `${target}:${work}/mirror/`, `${work}/back/`);
  await ok("diff", ["-r", tree, `${work}/back`]);

  await Deno.remove(`${work}/back/big`);
  const slow = spawn("rsync", [
    "-a",
    "--partial",
    "--bwlimit=4000",
    "-e",
    SSH.join(" "),
    `${target}:${work}/mirror/big`,
    `${work}/back/`,
  ], { env });
  const arrived = async () => {
    for await (const { name } of Deno.readDir(`${work}/back`)) {
      if (name.startsWith(".big.") && (await Deno.stat(`${work}/back/${name}`)).size > 500_000) return true;
    }
    return undefined;
  };
  await eventually("a part of the file", arrived);
  slow.kill("SIGTERM");
  await slow.output();
  await slow.stdin.close().catch(() => {});
  await rsync("--append-verify", `${target}:${work}/mirror/big`, `${work}/back/`);
  await ok("cmp", [`${tree}/big`, `${work}/back/big`]);
});

Deno.test("a tree goes through tar in both directions, and a large file through cat", async () => {
  const tree = `${work}/clone`;
  await Deno.mkdir(`${work}/untarred`);
  await ok("sh", [
    "-c",
    `tar -C ${tree} -cf - . | ${SSH.join(" ")} ${target} 'tar -C ${work}/untarred -xf -'`,
  ]);
  await ok("diff", ["-r", tree, `${work}/untarred`]);
  await Deno.mkdir(`${work}/again`);
  await ok("sh", ["-c", `${SSH.join(" ")} ${target} 'tar -C ${tree} -cf - .' | tar -C ${work}/again -xf -`]);
  await ok("diff", ["-r", tree, `${work}/again`]);
});

Deno.test("ten sessions and forwards share one connection, which stays for the next", async () => {
  const socket = `${work}/master`;
  const shared = ["-o", `ControlPath=${socket}`];
  const master = [...shared, "-o", "ControlMaster=auto", "-o", "ControlPersist=60"];
  assertEquals((await ssh([...master, target, "echo first"])).stdout, "first\n");
  try {
    const before = (await cluster.events()).filter(({ event, login }) =>
      event === "auth" && login === LOGIN
    ).length;
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        ssh([...shared, target, `cat; echo ${i}; exit ${i}`], "x".repeat(100_000))),
    );
    assertEquals(
      results.map(({ code }) =>
        code
      ),
      Array.from({ length: 10 }, (_, i) => i),
    );
    for (const [i, { stdout }] of results.entries()) assertEquals(stdout, `${"x".repeat(100_000)}${i}\n`);
    const after = (await cluster.events()).filter(({ event, login }) =>
      event === "auth" && login === LOGIN
    ).length;
    assertEquals(after, before, "no session logged in anew");
    const port = freePort();
    const { proxyWeb } = await cluster.addresses();
    assertEquals(
      (await ssh([...shared, "-O", "forward", "-L", `${port}:127.0.0.1:${proxyWeb?.port}`, target])).code,
      0,
    );
    const ping = await run("curl", ["-sk", `https://127.0.0.1:${port}/webapi/ping`]);
    assertMatch(ping.stdout, /"cluster_name":"main"/);
    assertEquals(
      (await ssh([...shared, "-O", "cancel", "-L", `${port}:127.0.0.1:${proxyWeb?.port}`, target])).code,
      0,
    );
  } finally {
    await ssh([...shared, "-O", "exit", target]);
  }
});

Deno.test("a shell on standard input with a SOCKS port, as editors use it, stays alive and answers", async () => {
  const port = freePort();
  const child = spawn("ssh", [...SSH.slice(1), "-T", "-D", String(port), target, "bash"], { env });
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const ask = async (line: string) => {
    await writer.write(new TextEncoder().encode(`${line}; echo "<<$?>>"\n`));
    let text = "";
    while (!/<<\d+>>\n$/.test(text)) text += (await reader.read()).value ?? "";
    return text;
  };
  try {
    assertEquals(await ask("uname -s"), "Linux\n<<0>>\n");
    const { proxyWeb } = await cluster.addresses();
    const url = `https://127.0.0.1:${proxyWeb?.port}/webapi/ping`;
    const pings = await Promise.all(
      Array.from({ length: 20 }, () => run("curl", ["-sk", "--socks5", `127.0.0.1:${port}`, url])),
    );
    for (const { stdout } of pings) assertMatch(stdout, /"cluster_name":"main"/);
    assertEquals(await ask("false"), "<<1>>\n");
  } finally {
    await writer.close();
    await reader.cancel();
    await child.stderr.cancel();
    await child.status;
  }
});

Deno.test("a hundred logins leave no descriptor and no process behind, and each one is in the log", async () => {
  const pid = await cluster.pid();
  const open = async () => (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
  await ssh([target, "true"]);
  const before = await open();
  for (let round = 0; round < 10; round++) {
    const codes = await Promise.all(Array.from({ length: 10 }, () => ssh([target, "true # counted"])));
    assert(codes.every(({ code }) => code === 0));
  }
  await eventually("closed descriptors", async () => await open() <= before + 2 || undefined);
  const logged = async () =>
    (await cluster.events()).filter(({ event, command }) => event === "exec" && command === "true # counted")
      .length;
  await eventually("the events", async () => await logged() === 100 || undefined);
});
