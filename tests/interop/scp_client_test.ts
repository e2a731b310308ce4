import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { localDisk } from "../../cli/tsh/scp/local_disk.ts";
import { AppError } from "../../src/base/errors.ts";
import type { ClientSession } from "../../src/ssh/channel.ts";
import { scpCommand } from "../../src/ssh/scp/command.ts";
import { downloadByScp } from "../../src/ssh/scp/download.ts";
import { uploadByScp } from "../../src/ssh/scp/upload.ts";
import type { LocalFiles } from "../../src/ssh/transfer/local_files.ts";
import type { Problem, Progress } from "../../src/ssh/transfer/report.ts";
import { processSession } from "../kit/process_session.ts";
import { startTestNode } from "../kit/test_node.ts";
import { digestOf, makeTree, readContents, readTree, withFolder } from "../kit/trees.ts";

type Start = (command: string) => Promise<ClientSession>;

async function withNode(body: (start: Start) => Promise<void>): Promise<void> {
  await using node = await startTestNode();
  const client = await node.client();
  await body((command) => client.exec(command));
  client.close();
  await client.closed;
}

const PEERS: [string, (body: (start: Start) => Promise<void>) => Promise<void>][] = [
  ["our node", withNode],
  ["OpenSSH's scp", (body) => body((command) => Promise.resolve(processSession(command, "/")))],
];

for (const [name, withPeer] of PEERS) {
  const test = (what: string, body: (start: Start, folder: string) => Promise<void>) =>
    Deno.test(`our scp client with ${name}: ${what}`, () =>
      withFolder((folder) =>
        withPeer((start) =>
          body(async (command) => {
            const session = await start(command);
            session.stderr.resume();
            return session;
          }, folder)
        )
      ));

  test("a tree goes up and comes down as it was, modes and times included", async (start, folder) => {
    await makeTree(`${folder}/a`);
    const options = { recursive: true, preserve: true };
    const up = await uploadByScp(
      await start(scpCommand("sink", `${folder}/b`, options)),
      localDisk,
      [`${folder}/a`],
      options,
    );
    assertEquals(await readTree(`${folder}/b`), await readTree(`${folder}/a`));
    const command = scpCommand("source", `${folder}/b`, options);
    const down = await downloadByScp(await start(command), localDisk, `${folder}/b`, `${folder}/c`, options);
    assertEquals(await readTree(`${folder}/c`), await readTree(`${folder}/a`));
    assertEquals([up.files, up.directories, up.problems], [71, 5, 0]);
    assertEquals(down, up);
  });

  test("without preserving, nobody becomes another user and times are new", async (start, folder) => {
    await makeTree(`${folder}/a`);
    await Deno.chmod(`${folder}/a/empty`, 0o6777);
    const options = { recursive: true };
    const up = await start(scpCommand("sink", `${folder}/b`, options));
    await uploadByScp(up, localDisk, [`${folder}/a`], options);
    const down = await start(scpCommand("source", `${folder}/a`, options));
    await downloadByScp(down, localDisk, `${folder}/a`, `${folder}/c`, options);
    for (const path of ["b", "c"]) {
      assertEquals(await readContents(`${folder}/${path}`), await readContents(`${folder}/a`));
      const info = await Deno.stat(`${folder}/${path}/empty`);
      assertEquals((info.mode ?? 0) & 0o7777, 0o755, path);
      assert((info.mtime?.getTime() ?? 0) > Date.now() - 600_000);
    }
  });

  test("several files into a folder, and by wildcards back", async (start, folder) => {
    for (const path of ["a.txt", "b.txt", "c.md"]) await Deno.writeTextFile(`${folder}/${path}`, path);
    await Deno.mkdir(`${folder}/there`);
    await Deno.mkdir(`${folder}/back`);
    const sources = ["a.txt", "b.txt", "c.md"].map((path) => `${folder}/${path}`);
    const up = await start(scpCommand("sink", `${folder}/there`, { toDirectory: true }));
    assertEquals((await uploadByScp(up, localDisk, sources)).files, 3);
    const asked = `${folder}/there/*.txt`;
    const down = await start(scpCommand("source", asked));
    assertEquals((await downloadByScp(down, localDisk, asked, `${folder}/back`)).files, 2);
    assertEquals([...Deno.readDirSync(`${folder}/back`)].map(({ name }) => name).sort(), ["a.txt", "b.txt"]);
  });

  test("problems of either side are told and the rest goes on", async (start, folder) => {
    await Deno.writeTextFile(`${folder}/good`, "good");
    await Deno.mkdir(`${folder}/folder`);
    const problems: string[] = [];
    const onProblem = ({ error }: Problem) => problems.push(String(error));
    const up = await start(scpCommand("sink", `${folder}/folder`));
    const sources = [`${folder}/nothing`, `${folder}/folder`, `${folder}/good`];
    const sent = await uploadByScp(up, localDisk, sources, { onProblem });
    assertEquals([sent.files, sent.problems], [1, 2]);
    assertStringIncludes(problems[0] ?? "", "no such file");
    assertStringIncludes(problems[1] ?? "", "is a directory");
    assertEquals(await Deno.readTextFile(`${folder}/folder/good`), "good");

    problems.length = 0;
    const asked = `${folder}/{nothing,folder,good}`;
    const down = await start(scpCommand("source", `${folder}/nothing ${folder}/folder ${folder}/good`));
    const got = await downloadByScp(down, localDisk, asked, `${folder}/got`, { onProblem });
    assertEquals([got.files, got.problems], [1, 2]);
    assertStringIncludes(problems[0] ?? "", "No such file");
    assertStringIncludes(problems[1] ?? "", "not a regular file");

    problems.length = 0;
    const nowhere = await start(scpCommand("sink", `${folder}/no/where`));
    assertEquals((await uploadByScp(nowhere, localDisk, [`${folder}/good`], { onProblem })).problems, 1);
    assertStringIncludes(problems[0] ?? "", "No such file");

    problems.length = 0;
    const blocked = await start(scpCommand("source", `${folder}/good`));
    const target = `${folder}/no/where`;
    assertEquals(
      (await downloadByScp(blocked, localDisk, `${folder}/good`, target, { onProblem })).problems,
      1,
    );
    assertStringIncludes(problems[0] ?? "", "cannot write");
  });

  test("a disk that fails in the middle leaves the rest of the transfer in order", async (start, folder) => {
    await Deno.mkdir(`${folder}/a`);
    for (const path of ["1", "2", "3"]) {
      await Deno.writeFile(`${folder}/a/${path}`, new Uint8Array(700_000).fill(7));
    }
    const failing: LocalFiles = {
      ...localDisk,
      openToWrite: async (path, mode) => {
        const file = await localDisk.openToWrite(path, mode);
        return path.endsWith("/2")
          ? Object.assign(file, { write: () => Promise.reject(new Error("disk full")) })
          : file;
      },
      openToRead: async (path) => {
        const file = await localDisk.openToRead(path);
        return path.endsWith("/2")
          ? Object.assign(file, { read: () => Promise.reject(new Error("disk broken")) })
          : file;
      },
    };
    const options = { recursive: true };
    const problems: string[] = [];
    const onProblem = ({ error }: Problem) => problems.push(String(error));
    const down = await start(scpCommand("source", `${folder}/a`, options));
    const got = await downloadByScp(down, failing, `${folder}/a`, `${folder}/b`, { ...options, onProblem });
    assertEquals([got.files, got.problems], [2, 1]);
    const up = await start(scpCommand("sink", `${folder}/c`, options));
    const sent = await uploadByScp(up, failing, [`${folder}/a`], { ...options, onProblem });
    assertEquals([sent.files, sent.problems], [2, 1]);
    assertStringIncludes(problems.join(), "disk full");
    assertStringIncludes(problems.join(), "disk broken");
    for (const path of ["b/1", "b/3", "c/1", "c/3"]) {
      assertEquals(await digestOf(`${folder}/${path}`), await digestOf(`${folder}/a/1`));
    }
  });

  test("progress is told, a transfer is stopped when its caller wants it", async (start, folder) => {
    await Deno.writeFile(`${folder}/a`, new Uint8Array(30_000_000));
    const told: Progress[] = [];
    const up = await start(scpCommand("sink", `${folder}/b`));
    await uploadByScp(up, localDisk, [`${folder}/a`], { onProgress: (progress) => told.push(progress) });
    assertEquals([told[0]?.done, told.at(-1)?.done, told.at(-1)?.total], [0, 30_000_000, 30_000_000]);
    for (const direction of ["up", "down"]) {
      const stop = new AbortController();
      const options = {
        signal: stop.signal,
        onProgress: ({ done }: Progress) => done > 1_000_000 && stop.abort(),
      };
      const session = await start(scpCommand(direction === "up" ? "sink" : "source", `${folder}/a`));
      const work = direction === "up"
        ? uploadByScp(session, localDisk, [`${folder}/b`], options)
        : downloadByScp(session, localDisk, `${folder}/a`, `${folder}/c`, options);
      await assertRejects(() => work, AppError, "was stopped");
      await session.exit;
    }
  });

  test("100 MB go up and come down unchanged", async (start, folder) => {
    const block = crypto.getRandomValues(new Uint8Array(65_536));
    {
      using file = await Deno.open(`${folder}/a`, { write: true, create: true });
      for (let index = 0; index < 1526; index++) {
        block[index] = index;
        await file.write(block);
      }
    }
    await uploadByScp(await start(scpCommand("sink", `${folder}/b`)), localDisk, [`${folder}/a`]);
    await downloadByScp(
      await start(scpCommand("source", `${folder}/a`)),
      localDisk,
      `${folder}/a`,
      `${folder}/c`,
    );
    const expected = await digestOf(`${folder}/a`);
    assertEquals([await digestOf(`${folder}/b`), await digestOf(`${folder}/c`)], [expected, expected]);
  });

  test("a program that is not scp is told as what it is", async (start, folder) => {
    const problems: string[] = [];
    const onProblem = ({ error }: Problem) => problems.push(String(error));
    await assertRejects(
      async () => await downloadByScp(await start("echo hello"), localDisk, "x", folder, { onProblem }),
      AppError,
      'expected control record: the other side sent "hello"',
    );
    const summary = await downloadByScp(await start("exit 3"), localDisk, "x", folder, { onProblem });
    assertEquals([summary.problems, problems], [1, ["AppError: the remote scp ended with status 3"]]);
    await assertRejects(
      async () => await uploadByScp(await start("exit 3"), localDisk, [folder], { onProblem }),
      AppError,
      "ended before the transfer",
    );
  });
}
