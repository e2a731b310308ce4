import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FilesCluster } from "../kit/files_cluster.ts";
import { Daemon } from "../kit/cluster.ts";
import { IS_ROOT, LOGIN, withoutRoot } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, run, spawn } from "../kit/run.ts";
import { digestOf, makeTree, readContents, readTree } from "../kit/trees.ts";

const HUNDRED_MEGABYTES = 100_000_000;

/** A file whose every block is another one. */
async function makeBigFile(path: string, size: number): Promise<void> {
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  using file = await Deno.open(path, { write: true, create: true });
  for (let done = 0; done < size; done += block.length) {
    new DataView(block.buffer).setUint32(0, done);
    await file.write(block.subarray(0, Math.min(block.length, size - done)));
  }
}

Deno.test("OpenSSH's sftp through proxy and node", async (t) => {
  await using files = await FilesCluster.start();
  const { local, remote } = files;
  const ok = async (commands: string[], options: { login?: string; args?: string[] } = {}) => {
    const result = await files.sftp(commands, options);
    assertEquals(result.code, 0, result.stderr + result.stdout);
    return result;
  };

  await t.step("one batch of everything", async () => {
    await Deno.writeTextFile(`${local}/a`, "content of a");
    const { stdout, stderr } = await ok([
      "version",
      "pwd",
      `put ${local}/a a`,
      "chmod 600 a",
      "ln a b",
      "ln -s a c",
      "rename b d",
      "mkdir folder",
      "rename d folder/e",
      "cp folder/e f",
      "df",
      "df -i folder",
      "ls -la",
      "ls -n folder",
      `get folder/e ${local}/e`,
      "rm folder/e",
      "rmdir folder",
      "-rm nothing",
      "-rmdir c",
      "-mkdir a",
      "cd /",
      "-cd nothing",
      "ls",
    ]);
    assertStringIncludes(stdout, "SFTP protocol version 3");
    assertStringIncludes(stdout, `Remote working directory: ${remote}`);
    assertMatch(stdout, /^-rw------- .* 12 .* a$/m);
    assertMatch(stdout, /^lrwxrwxrwx .* c$/m);
    assertMatch(stdout, /%Capacity/);
    assertEquals(await Deno.readTextFile(`${local}/e`), "content of a");
    assertEquals([...Deno.readDirSync(remote)].map(({ name }) => name).sort(), ["a", "c", "f"]);
    assertStringIncludes(stderr, `${remote}/nothing: No such file or directory`);
    assertEquals(stderr.trim().split("\n").length, 4, stderr);
    const event = await files.fileEvent({ action: "rename", path: `${remote}/d` });
    assertEquals([event.target, event.success, event.user], [`${remote}/folder/e`, true, "joe"]);
    assertEquals(event.login, files.login);
    assertMatch(String(event["addr.remote"]), /^127\.0\.0\.1:\d+$/);
    await files.fileEvent({ action: "write", path: `${remote}/a`, len: 12, success: true });
    await files.fileEvent({ action: "read", path: `${remote}/folder/e`, len: 12 });
    await files.fileEvent({ action: "symlink", path: `${remote}/c`, target: "a" });
    await files.fileEvent({
      action: "remove",
      path: `${remote}/nothing`,
      success: false,
      error: "No such file or directory",
    });
    const subsystem = await files.daemon.event("subsystem");
    assertEquals([subsystem["subsystem.name"], subsystem.exitError, subsystem.user], ["sftp", "", "joe"]);
  });

  await t.step("a tree goes up and comes down with modes and times", async () => {
    await Deno.mkdir(`${local}/tree`);
    await makeTree(`${local}/tree`);
    await ok([`put -rp ${local}/tree tree`]);
    await ok([`get -rp tree ${local}/back`]);
    const expected = (await readTree(`${local}/tree`)).map((leaf) => ({ ...leaf, modified: 0 }));
    for (const folder of [`${remote}/tree`, `${local}/back`]) {
      assertEquals((await readTree(folder)).map((leaf) => ({ ...leaf, modified: 0 })), expected, folder);
      const times = (leaves: { path: string; modified: number; digest?: string }[]) =>
        leaves.filter(({ digest }) => digest).map(({ path, modified }) => [path, modified]);
      assertEquals(times(await readTree(folder)), times(await readTree(`${local}/tree`)));
    }
  });

  await t.step("what was interrupted is resumed", async () => {
    await makeBigFile(`${local}/whole`, 3_000_000);
    const whole = await Deno.readFile(`${local}/whole`);
    await ok([`put ${local}/whole whole`]);
    await Deno.writeFile(`${local}/part`, whole.subarray(0, 1_234_567));
    await ok([`put ${local}/part up`, `reput ${local}/whole up`, `reget whole ${local}/part`]);
    const expected = await digestOf(`${local}/whole`);
    assertEquals([await digestOf(`${local}/part`), await digestOf(`${remote}/up`)], [expected, expected]);
    await files.fileEvent({ action: "write", path: `${remote}/up`, len: 3_000_000 - 1_234_567 });
  });

  await t.step("200 MB go both ways unchanged", async () => {
    await makeBigFile(`${local}/big`, 2 * HUNDRED_MEGABYTES);
    await ok([`put ${local}/big big`, `get big ${local}/big2`]);
    const expected = await digestOf(`${local}/big`);
    assertEquals([await digestOf(`${remote}/big`), await digestOf(`${local}/big2`)], [expected, expected]);
    await files.fileEvent({ action: "write", path: `${remote}/big`, len: 2 * HUNDRED_MEGABYTES });
    await files.fileEvent({ action: "read", path: `${remote}/big`, len: 2 * HUNDRED_MEGABYTES });
  });

  await t.step("1,000 small files go both ways, each with its event", async () => {
    await Deno.mkdir(`${local}/many/in/depth`, { recursive: true });
    for (let index = 0; index < 1000; index++) {
      await Deno.writeTextFile(`${local}/many/${index % 2 ? "in/depth/" : ""}${index}`, `${index}`);
    }
    await ok([`put -r ${local}/many many`, `get -r many ${local}/many2`]);
    assertEquals(await readContents(`${local}/many2`), await readContents(`${local}/many`));
    for (const action of ["write", "read"]) {
      await eventually(`1,000 events ${action}`, async () => {
        const events = await files.fileEvents();
        const paths = events.filter((event) =>
          event.action === action && String(event.path).startsWith(`${remote}/many/`)
        );
        return new Set(paths.map(({ path }) => path)).size === 1000 || undefined;
      });
    }
  });

  await t.step("sessions side by side do not disturb each other", async () => {
    await makeBigFile(`${local}/shared`, 5_000_000);
    await ok([`put ${local}/shared shared`]);
    const sessions = Array.from(
      { length: 8 },
      (_, index) => ok([`get shared ${local}/copy${index}`, `put ${local}/copy${index} copy${index}`]),
    );
    await Promise.all(sessions);
    const expected = await digestOf(`${local}/shared`);
    for (let index = 0; index < 8; index++) assertEquals(await digestOf(`${remote}/copy${index}`), expected);
  });

  await t.step({
    name: "what the user may not do is refused, and is an event",
    ignore: !IS_ROOT,
    fn: async () => {
      const { code, stderr } = await files.sftp([
        `-get /etc/shadow ${local}/shadow`,
        "-chown 0 a",
        "-chgrp 0 a",
        "-ls /root",
        `-put ${local}/a /etc/teleport-was-here`,
        "-rm /etc/passwd",
        "-rename /etc/passwd /etc/passwd2",
        "-ln -s /etc/shadow s",
        `-get s ${local}/shadow`,
      ]);
      assertEquals(code, 0, stderr);
      assertEquals(stderr.match(/[Pp]ermission denied/g)?.length, 8, stderr);
      const refused: Record<string, unknown>[] = [
        { action: "read", path: "/etc/shadow", error: "Permission denied" },
        { action: "setstat", path: `${remote}/a`, error: "Operation not permitted" },
        { action: "list", path: "/root", error: "Permission denied" },
        { action: "write", path: "/etc/teleport-was-here", error: "Permission denied" },
        { action: "remove", path: "/etc/passwd", error: "Permission denied" },
        { action: "rename", path: "/etc/passwd", error: "Permission denied" },
        { action: "read", path: `${remote}/s`, error: "Permission denied" },
      ];
      for (const event of refused) {
        await files.fileEvent({ ...event, success: false, user: "joe", login: files.login });
      }
    },
  });

  await t.step({
    name: "root reads and writes what is root's",
    ignore: !IS_ROOT,
    fn: async () => {
      await ok([`get /etc/shadow ${local}/shadow`, `put ${local}/a ${local}/as-root`], { login: LOGIN });
      assertEquals(await digestOf(`${local}/shadow`), await digestOf("/etc/shadow"));
      assertEquals((await Deno.stat(`${local}/as-root`)).uid, 0);
    },
  });

  await t.step("a client that is killed leaves no process, and its file is told of", async () => {
    const args = [...files.user.sshArgs, "-q", "-b", "-", "-l", "200000", files.target()]; // 25 MB/s
    const client = spawn("sftp", args, { env: { HOME: files.user.options.home } });
    const writer = client.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`put ${local}/big killed\n`));
    await eventually(
      "some of the file",
      async () => (await files.helpers()).length > 0 && await sizeOf(`${remote}/killed`) > 1e6 || undefined,
    );
    Deno.kill(-client.pid, "SIGKILL"); // with its ssh, and the one to the proxy
    await Promise.allSettled([writer.close(), client.stdout.cancel(), client.stderr.cancel(), client.status]);
    const event = await files.fileEvent({ action: "write", path: `${remote}/killed`, success: false });
    assertEquals(event.error, "the session ended before the file was closed");
    const size = await sizeOf(`${remote}/killed`);
    assert(size > 0 && size < 2 * HUNDRED_MEGABYTES && event.len === size, `${event.len} of ${size}`);
    await files.noHelpers();
  });

  await t.step("nothing of all this is left behind", () => files.noHelpers());
});

Deno.test("a daemon of an ordinary user serves that user's files, by sftp and scp", {
  ignore: withoutRoot("a daemon that runs as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpowndaemon");
  await using daemon = await Daemon.start({ runAs: account.name, env: { USER: account.name } });
  const joe = await daemon.user("joe", [account.name]);
  await joe.loginOk();
  const target = `${account.name}@alpha.main`;
  const options = { env: { HOME: joe.options.home } };
  const stdin =
    "put /etc/hostname a\n-get /etc/shadow /dev/null\n-put /etc/hostname /proc/self/mem\nget a /dev/null\n";
  const sftp = await run("sftp", [...joe.sshArgs, "-q", "-b", "-", target], { ...options, stdin });
  assertEquals(sftp.code, 0, sftp.stderr);
  assertMatch(sftp.stderr, /shadow": Permission denied/);
  assertMatch(sftp.stderr, /self\/mem": Permission denied/); // it would be a way to run programs with files only
  assertEquals((await Deno.stat(`${account.home}/a`)).uid, account.uid);
  const scp = await run("scp", [...joe.sshArgs, "-O", "-q", "/etc/hostname", `${target}:b`], options);
  assertEquals(scp.code, 0, scp.stderr);
  assertEquals((await Deno.stat(`${account.home}/b`)).uid, account.uid);
  await daemon.event("sftp", ({ action, path }) => action === "write" && path === `${account.home}/a`);
  await daemon.event("scp", ({ action, path }) => action === "write" && path === `${account.home}/b`);
});

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
