import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FilesCluster } from "../kit/files_cluster.ts";
import { IS_ROOT, LOGIN } from "../kit/machine.ts";
import { eventually, run, spawn } from "../kit/run.ts";
import { digestOf, makeTree, readContents, readTree } from "../kit/trees.ts";

const RSYNC = await run("which", ["rsync"]).then(({ code }) => code === 0);
if (!RSYNC) console.log("skipped, rsync is not installed: rsync through proxy and node");

Deno.test("OpenSSH's scp through proxy and node, by both protocols; rsync", async (t) => {
  await using files = await FilesCluster.start();
  const { local, remote } = files;
  const ok = async (args: string[], login?: string) => {
    const result = await files.scp(args, { login });
    assertEquals(result.code, 0, result.stderr);
    assertEquals(result.stderr, "");
  };
  await makeTree(await makeFolder(`${local}/tree`));

  for (const [name, flag, event] of [["scp -O", "-O", "scp"], ["scp", "-s", "sftp"]] as const) {
    await t.step(`${name}: a tree goes up and comes down with modes and times`, async () => {
      await ok([flag, "-rp", `${local}/tree`, `REMOTE:tree${flag}`]);
      await ok([flag, "-rp", `REMOTE:tree${flag}`, `${local}/back${flag}`]);
      const expected = (await readTree(`${local}/tree`)).filter(({ digest }) => digest);
      assertEquals((await readTree(`${remote}/tree${flag}`)).filter(({ digest }) => digest), expected);
      assertEquals((await readTree(`${local}/back${flag}`)).filter(({ digest }) => digest), expected);
      assertEquals(await readContents(`${remote}/tree${flag}`), await readContents(`${local}/tree`));
      const path = `${remote}/tree${flag}/some megabytes`;
      const write = await files.fileEvent({ event, action: "write", path });
      const read = await files.fileEvent({ event, action: "read", path });
      assertEquals([write.len, write.success, write.user, write.login], [
        5_000_001,
        true,
        "joe",
        files.login,
      ]);
      assertEquals([read.len, read.success], [5_000_001, true]);
      assertMatch(String(write.change), /mode=0644/);
    });

    await t.step(`${name}: several files, names for the shell, the home directory`, async () => {
      await Deno.writeTextFile(`${local}/a.txt`, "a");
      await Deno.writeTextFile(`${local}/b b.txt`, "b");
      await makeFolder(`${local}/in${flag}`);
      await ok([flag, `${local}/a.txt`, `${local}/b b.txt`, "REMOTE:"]);
      await ok([flag, "REMOTE:*.txt", `${local}/in${flag}`]);
      await ok([flag, "REMOTE:~/a.txt", `${local}/in${flag}/tilde`]);
      assertEquals([...Deno.readDirSync(`${local}/in${flag}`)].map(({ name }) => name).sort(), [
        "a.txt",
        "b b.txt",
        "tilde",
      ]);
    });

    await t.step(`${name}: 100 MB go both ways unchanged`, async () => {
      const block = crypto.getRandomValues(new Uint8Array(65_536));
      {
        using file = await Deno.open(`${local}/big`, { write: true, create: true, truncate: true });
        for (let index = 0; index < 1526; index++) {
          block[index] = index;
          await file.write(block);
        }
      }
      await ok([flag, `${local}/big`, "REMOTE:big"]);
      await ok([flag, "REMOTE:big", `${local}/big2`]);
      const expected = await digestOf(`${local}/big`);
      assertEquals([await digestOf(`${remote}/big`), await digestOf(`${local}/big2`)], [expected, expected]);
    });

    await t.step({
      name: `${name}: what the user may not read or write is refused, and is an event`,
      ignore: !IS_ROOT,
      fn: async () => {
        const down = await files.scp([flag, "REMOTE:/etc/shadow", `${local}/shadow`]);
        assertEquals(down.code, 1);
        assertMatch(down.stderr, /\/etc\/shadow.*Permission denied/);
        const up = await files.scp([flag, `${local}/a.txt`, "REMOTE:/etc/teleport-was-here"]);
        assertEquals(up.code, 1);
        assertMatch(up.stderr, /Permission denied/);
        const both = { event, success: false, error: "Permission denied", user: "joe", login: files.login };
        await files.fileEvent({ ...both, action: "read", path: "/etc/shadow" });
        await files.fileEvent({ ...both, action: "write", path: "/etc/teleport-was-here" });
        await ok([flag, "REMOTE:/etc/shadow", `${local}/shadow`], LOGIN);
        await ok([flag, `${local}/a.txt`, `REMOTE:${local}/by-root`], LOGIN);
        assertEquals((await Deno.stat(`${local}/by-root`)).uid, 0);
      },
    });

    await t.step(`${name}: side by side`, async () => {
      await Promise.all(
        Array.from({ length: 6 }, (_, index) => ok([flag, `${local}/a.txt`, `REMOTE:side${index}`])),
      );
      for (let index = 0; index < 6; index++) {
        assertEquals(await Deno.readTextFile(`${remote}/side${index}`), "a");
      }
    });
  }

  await t.step("scp -O: each file is an event with its path, length and action", async () => {
    await Deno.writeTextFile(`${local}/seven`, "7 bytes");
    await ok(["-O", `${local}/seven`, "REMOTE:seven"]);
    await ok(["-O", "REMOTE:seven", `${local}/seven2`]);
    for (const action of ["write", "read"]) {
      const { path, len } = await files.fileEvent({ event: "scp", action, path: `${remote}/seven` });
      assertEquals([path, len], [`${remote}/seven`, 7]);
    }
  });

  await t.step("scp -O: the command is an event with its exit code as well", async () => {
    const result = await files.scp(["-O", "REMOTE:nothing", `${local}/x`]);
    assertEquals(result.code, 1);
    assertStringIncludes(result.stderr, "nothing: No such file or directory");
    const event = await files.daemon.event("exec", ({ command }) => command === "scp -f nothing");
    assertEquals([event.exitCode, event.exitError], [1, "exit status 1"]);
    await files.fileEvent({ event: "scp", action: "read", path: `${remote}/nothing`, success: false });
  });

  await t.step("scp -O: a call inside of another command is a command like any other", async () => {
    const command = "scp -f a.txt | cat >/dev/null; echo still a shell";
    const { stdout } = await files.user.ssh(`${files.login}@alpha`, command, { stdin: "\0\0\0" });
    assertEquals(stdout, "still a shell\n");
  });

  await t.step("scp -O: the end of the client ends everything, and its file is told of", async () => {
    const args = [
      "-O",
      ...files.user.sshArgs,
      "-q",
      "-l",
      "200000",
      `${local}/big`,
      `${files.target()}:killed`,
    ];
    const client = spawn("scp", args, { env: { HOME: files.user.options.home } });
    await eventually("some of the file", async () => {
      const info = await Deno.stat(`${remote}/killed`).catch(() => undefined);
      return (info?.size ?? 0) > 1e6 || undefined;
    });
    Deno.kill(-client.pid, "SIGKILL"); // with its ssh, and the one to the proxy
    await Promise.allSettled([
      client.stdin.close(),
      client.stdout.cancel(),
      client.stderr.cancel(),
      client.status,
    ]);
    const event = await files.fileEvent({
      event: "scp",
      action: "write",
      path: `${remote}/killed`,
      success: false,
    });
    assertStringIncludes(String(event.error), "the session ended before the whole file came");
    assert(Number(event.len) > 0);
    await files.noHelpers();
  });

  await t.step({
    name: "rsync goes both ways, and sends only what changed",
    ignore: !RSYNC,
    fn: async () => {
      const ssh = ["ssh", ...files.user.sshArgs].map((word) => word.includes(" ") ? `'${word}'` : word).join(
        " ",
      );
      const rsync = async (from: string, to: string) => {
        const options = { env: { HOME: files.user.options.home }, timeoutMs: 120_000 };
        const result = await run("rsync", ["-a", "--stats", "-e", ssh, from, to], options);
        assertEquals(result.code, 0, result.stderr);
        return Number(
          /Number of regular files transferred: ([\d,]+)/.exec(result.stdout)?.[1]?.replace(",", ""),
        );
      };
      await Deno.chmod(`${local}/tree/closed`, 0o700);
      assertEquals(await rsync(`${local}/tree/`, `${files.target()}:rsync/`), 71);
      await Deno.writeTextFile(`${local}/tree/one byte`, "changed");
      assertEquals(await rsync(`${local}/tree/`, `${files.target()}:rsync/`), 1);
      assertEquals(await rsync(`${files.target()}:rsync/`, `${local}/rsync/`), 71);
      assertEquals(await readTree(`${local}/rsync`), await readTree(`${local}/tree`));
    },
  });

  await t.step("nothing of all this is left behind", () => files.noHelpers());
});

async function makeFolder(path: string): Promise<string> {
  await Deno.mkdir(path);
  return path;
}
