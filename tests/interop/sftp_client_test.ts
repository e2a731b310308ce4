import { assert, assertEquals, assertRejects } from "@std/assert";
import { localDisk } from "../../cli/tsh/scp/local_disk.ts";
import { AppError } from "../../src/base/errors.ts";
import type { SftpClient } from "../../src/ssh/sftp/client.ts";
import { download } from "../../src/ssh/sftp/download.ts";
import { OpenFlag } from "../../src/ssh/sftp/protocol.ts";
import { findRemote } from "../../src/ssh/sftp/remote_names.ts";
import { upload } from "../../src/ssh/sftp/upload.ts";
import type { LocalFiles } from "../../src/ssh/transfer/local_files.ts";
import type { Problem, Progress } from "../../src/ssh/transfer/report.ts";
import { FilesHelper } from "../kit/files_helper.ts";
import { startStockSftp, STOCK_SFTP } from "../kit/stock_sftp.ts";
import { digestOf, makeTree, readContents, readTree, withFolder } from "../kit/trees.ts";

const SERVERS: [string, (cwd: string) => Promise<{ client: SftpClient } & AsyncDisposable>][] = [
  ["our server", (cwd) => FilesHelper.sftp({ startDirectory: cwd })],
  ["OpenSSH's server", startStockSftp],
];

for (const [name, start] of SERVERS) {
  const ignore = name === "OpenSSH's server" && STOCK_SFTP === undefined;
  const test = (what: string, body: (client: SftpClient, folder: string) => Promise<void>) =>
    Deno.test(`our sftp client with ${name}: ${what}`, { ignore }, () =>
      withFolder(async (folder) => {
        await using server = await start(folder);
        await body(server.client, folder);
      }));

  test("a tree goes up and comes down as it was, modes and times included", async (client, folder) => {
    await makeTree(`${folder}/a`);
    const options = { recursive: true, preserve: true };
    const up = await upload(client, localDisk, `${folder}/a`, "b", options);
    assertEquals(await readTree(`${folder}/b`), await readTree(`${folder}/a`));
    const down = await download(client, "b", localDisk, `${folder}/c`, options);
    assertEquals(await readTree(`${folder}/c`), await readTree(`${folder}/a`));
    assertEquals(down, up);
    assertEquals([up.files, up.directories, up.problems], [71, 5, 0]);
  });

  test("without preserving, modes follow the masks and times are new", async (client, folder) => {
    await makeTree(`${folder}/a`);
    await Deno.chmod(`${folder}/a/empty`, 0o6777);
    await upload(client, localDisk, `${folder}/a`, "b", { recursive: true });
    await download(client, "b", localDisk, `${folder}/c`, { recursive: true });
    assertEquals(await readContents(`${folder}/c`), await readContents(`${folder}/a`));
    for (const path of ["b", "c"]) {
      const info = await Deno.stat(`${folder}/${path}/empty`);
      assertEquals((info.mode ?? 0) & 0o7777, 0o755);
      assert((info.mtime?.getTime() ?? 0) > Date.now() - 600_000);
    }
  });

  test("what is there already is replaced, longer files too", async (client, folder) => {
    await Deno.writeTextFile(`${folder}/short`, "short");
    await Deno.writeTextFile(`${folder}/long`, "much longer than that");
    await upload(client, localDisk, `${folder}/short`, "long");
    assertEquals(await Deno.readTextFile(`${folder}/long`), "short");
    await Deno.writeTextFile(`${folder}/long`, "much longer than that");
    await download(client, "short", localDisk, `${folder}/long`);
    assertEquals(await Deno.readTextFile(`${folder}/long`), "short");
  });

  test("an interrupted upload and download are resumed", async (client, folder) => {
    const data = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${folder}/a`, data);
    await Deno.writeFile(`${folder}/b`, data.subarray(0, 40_000));
    await Deno.writeFile(`${folder}/c`, data.subarray(0, 1));
    const up = await upload(client, localDisk, `${folder}/a`, "b", { resume: true });
    const down = await download(client, "a", localDisk, `${folder}/c`, { resume: true });
    assertEquals([up.bytes, down.bytes], [20_000, 59_999]);
    const expected = await digestOf(`${folder}/a`);
    assertEquals([await digestOf(`${folder}/b`), await digestOf(`${folder}/c`)], [expected, expected]);
    assertEquals((await upload(client, localDisk, `${folder}/a`, "b", { resume: true })).bytes, 0);
    await Deno.writeFile(`${folder}/d`, new Uint8Array(70_000));
    for (
      const work of [
        (onProblem: (problem: Problem) => void) =>
          upload(client, localDisk, `${folder}/a`, "d", { resume: true, onProblem }),
        (onProblem: (problem: Problem) => void) =>
          download(client, "a", localDisk, `${folder}/d`, { resume: true, onProblem }),
      ]
    ) {
      const problems: Problem[] = [];
      assertEquals((await work((problem) => problems.push(problem))).problems, 1);
      assert(String(problems[0]?.error).includes("larger than the file"));
    }
  });

  test("after a local failure the remote file is whole up to where it ends", async (client, folder) => {
    const data = crypto.getRandomValues(new Uint8Array(65_536));
    const whole = new Uint8Array(8_000_000).map((_, index) => data[index % 65_521] ?? 0);
    await Deno.writeFile(`${folder}/a`, whole);
    const failing: LocalFiles = {
      ...localDisk,
      async openToRead(path) {
        const file = await localDisk.openToRead(path);
        let left = 5_000_000;
        return Object.assign(file, {
          read: async (into: Uint8Array) => {
            if (left <= 0) throw new Error("disk on fire");
            const count = await Object.getPrototypeOf(file).read.call(file, into);
            left -= count;
            return count;
          },
        });
      },
    };
    const problems: Problem[] = [];
    await upload(client, failing, `${folder}/a`, "b", { onProblem: (problem) => problems.push(problem) });
    assert(String(problems[0]?.error).includes("disk on fire"));
    const part = await Deno.readFile(`${folder}/b`);
    assertEquals(part.length < whole.length, true);
    assertEquals(part, whole.subarray(0, part.length));
    await upload(client, localDisk, `${folder}/a`, "b", { resume: true });
    assertEquals(await digestOf(`${folder}/b`), await digestOf(`${folder}/a`));
  });

  test("single problems are told and the rest goes on", async (client, folder) => {
    await Deno.mkdir(`${folder}/a`);
    await Deno.writeTextFile(`${folder}/a/good`, "good");
    await Deno.symlink("nowhere", `${folder}/a/dangling`);
    await Deno.symlink("good", `${folder}/a/link`);
    await Deno.symlink("..", `${folder}/a/loop`);
    await new Deno.Command("mkfifo", { args: [`${folder}/a/pipe`] }).output();
    const problems: string[] = [];
    const options = { recursive: true, onProblem: ({ path }: Problem) => problems.push(path) };
    const down = await download(client, "a", localDisk, `${folder}/b`, options);
    assertEquals(problems.sort(), ["a/dangling", "a/loop", "a/pipe"]);
    assertEquals([down.files, down.problems], [2, 3]);
    assertEquals((await Deno.lstat(`${folder}/b/link`)).isFile, true);
    await assertRejects(
      () => download(client, "nothing", localDisk, `${folder}/c`),
      AppError,
      "no such file",
    );
    await assertRejects(() => upload(client, localDisk, `${folder}/nothing`, "c"), AppError, "no such file");
    assertEquals((await download(client, "a", localDisk, `${folder}/c`)).problems, 1);
  });

  test("progress is told from the start to the end of each file", async (client, folder) => {
    await Deno.writeFile(`${folder}/a`, new Uint8Array(2_000_000));
    for (const direction of ["up", "down"]) {
      const told: Progress[] = [];
      const onProgress = (progress: Progress) => told.push(progress);
      if (direction === "up") await upload(client, localDisk, `${folder}/a`, "b", { onProgress });
      else await download(client, "a", localDisk, `${folder}/c`, { onProgress });
      assertEquals([told[0]?.done, told.at(-1)?.done], [0, 2_000_000]);
      assert(told.length > 5 && told.every(({ total }) => total === 2_000_000));
      assert(told.every(({ done }, index) => index === 0 || done > (told[index - 1]?.done ?? 0)));
    }
  });

  test("a transfer is stopped when its caller wants it", async (client, folder) => {
    await Deno.writeFile(`${folder}/a`, new Uint8Array(20_000_000));
    const stop = new AbortController();
    const options = {
      signal: stop.signal,
      onProgress: ({ done }: Progress) => done > 1_000_000 && stop.abort(),
    };
    await assertRejects(
      () => download(client, "a", localDisk, `${folder}/b`, options),
      AppError,
      "was stopped",
    );
    assert((await Deno.stat(`${folder}/b`)).size < 20_000_000);
    assertEquals((await client.stat("a"))?.size, 20_000_000); // the session lives on
  });

  test("wildcards find what a shell would", async (client, folder) => {
    for (const path of ["a.txt", "b.txt", ".hidden.txt", "c.md", "[x]"]) {
      await Deno.writeTextFile(`${folder}/${path}`, "");
    }
    await Deno.mkdir(`${folder}/sub1/in`, { recursive: true });
    await Deno.mkdir(`${folder}/sub2/in`, { recursive: true });
    await Deno.writeTextFile(`${folder}/sub1/in/d.txt`, "");
    await Deno.writeTextFile(`${folder}/sub2/in/e.txt`, "");
    assertEquals(await findRemote(client, "*.txt"), ["a.txt", "b.txt"]);
    assertEquals(await findRemote(client, ".*.txt"), [".hidden.txt"]);
    assertEquals(await findRemote(client, "{c,a}.*"), ["c.md", "a.txt"]);
    assertEquals(await findRemote(client, "sub?/*/[de].txt"), ["sub1/in/d.txt", "sub2/in/e.txt"]);
    assertEquals(await findRemote(client, `${folder}/*.md`), [`${folder}/c.md`]);
    assertEquals(await findRemote(client, "\\[x]"), ["[x]"]);
    assertEquals(await findRemote(client, "not there"), ["not there"]);
    await assertRejects(() => findRemote(client, "*.none"), AppError, "no such file");
  });

  test("reads and writes at any place, files without a size too", async (client, folder) => {
    const file = await client.open("a", OpenFlag.READ | OpenFlag.WRITE | OpenFlag.CREATE, 0o600);
    await Promise.all([file.write(10, Uint8Array.of(1, 2, 3)), file.write(0, new Uint8Array(10).fill(9))]);
    assertEquals(await file.read(8, 4), Uint8Array.of(9, 9, 1, 2));
    assertEquals(await file.read(13, 4), new Uint8Array());
    await file.close();
    assertEquals((await Deno.readFile(`${folder}/a`)).length, 13);
    const meminfo = await client.open("/proc/meminfo");
    const parts = await Array.fromAsync(meminfo.readAll(0, 0));
    await meminfo.close();
    assert(parts.map((part) => new TextDecoder().decode(part)).join("").includes("MemTotal"));
  });

  test("100 MB come down and go up unchanged", async (client, folder) => {
    const block = crypto.getRandomValues(new Uint8Array(65_536));
    using file = await Deno.open(`${folder}/a`, { write: true, create: true });
    for (let index = 0; index < 1526; index++) {
      block[index] = index;
      await file.write(block);
    }
    const expected = await digestOf(`${folder}/a`);
    await download(client, "a", localDisk, `${folder}/b`);
    assertEquals(await digestOf(`${folder}/b`), expected);
    await upload(client, localDisk, `${folder}/a`, "c");
    assertEquals(await digestOf(`${folder}/c`), expected);
  });
}
