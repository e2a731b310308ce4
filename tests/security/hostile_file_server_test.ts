/** What a hostile server may try on the client library: to choose names, to write elsewhere, to take memory and time. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Duplex, duplexPair } from "node:stream";
import { localDisk } from "../../cli/tsh/scp/local_disk.ts";
import { AppError } from "../../src/base/errors.ts";
import type { ClientSession } from "../../src/ssh/channel.ts";
import { downloadByScp, type ScpDownloadOptions } from "../../src/ssh/scp/download.ts";
import { FileType } from "../../src/ssh/sftp/attributes.ts";
import { SftpClient } from "../../src/ssh/sftp/client.ts";
import { download } from "../../src/ssh/sftp/download.ts";
import { Status } from "../../src/ssh/sftp/protocol.ts";
import { findRemote } from "../../src/ssh/sftp/remote_names.ts";
import type { NamedFile, Response } from "../../src/ssh/sftp/response.ts";
import { FakeServer } from "../../src/ssh/sftp/testing/fake_server.ts";
import type { Problem } from "../../src/ssh/transfer/report.ts";
import { withFolder } from "../kit/trees.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EOF: Response = { type: "status", status: Status.EOF, message: new Uint8Array() };
const OK: Response = { type: "status", status: Status.OK, message: new Uint8Array() };
const directory = { mode: FileType.DIRECTORY | 0o755 };
const regular = { mode: FileType.REGULAR | 0o644, size: 4 };

/** Names that lead out of a folder, or nowhere. */
const EVIL_NAMES = [
  "",
  "/",
  "a/b",
  "/etc/passwd",
  "../evil",
  "../../evil",
  "..//evil",
  "a/../../evil",
  "evil/",
  "evil\0.txt",
  "\0",
  "\xff\xfe",
];

function entry(name: string, attributes: NamedFile["attributes"]): NamedFile {
  const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
  return { name: bytes, longName: bytes, attributes };
}

/** A folder `x` with these entries; every file in it says "evil". */
function folderServer(entries: (path: string, turn: number) => NamedFile[] | undefined): FakeServer {
  const server = new FakeServer();
  const paths = new Map<string, string>();
  const turns = new Map<string, number>();
  const handleOf = (path: string): Response => {
    const handle = `${paths.size}`;
    paths.set(handle, path);
    return { type: "handle", handle: encoder.encode(handle) };
  };
  server.onRequest = (request) => {
    switch (request.type) {
      case "stat":
        return { type: "attributes", attributes: directory };
      case "opendir":
      case "open":
        return handleOf(decoder.decode(request.path));
      case "readdir": {
        const handle = decoder.decode(request.handle);
        const turn = turns.get(handle) ?? 0;
        turns.set(handle, turn + 1);
        const files = entries(paths.get(handle) ?? "", turn);
        return files ? { type: "name", files } : EOF;
      }
      case "read":
        return request.offset === 0 ? { type: "data", data: encoder.encode("evil") } : EOF;
      default:
        return OK;
    }
  };
  return server;
}

/** All paths below a folder. */
async function everything(folder: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (path: string) => {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(path)) {
      found.push(`${path}/${name}`.slice(folder.length + 1) + (isSymlink ? " -> " : ""));
      if (isDirectory) await visit(`${path}/${name}`);
    }
  };
  await visit(folder);
  return found.sort();
}

Deno.test("sftp: a server's names never lead out of the target", () =>
  withFolder(async (folder) => {
    const server = folderServer((path, turn) => {
      if (turn > 0) return undefined;
      const evil = EVIL_NAMES.flatMap((name) => [entry(name, regular), entry(name, directory)]);
      return path === "x"
        ? [...evil, entry(".", directory), entry("..", directory), entry("good", regular)]
        : [];
    });
    const client = await SftpClient.start(server.client);
    const problems: Problem[] = [];
    const options = { recursive: true, onProblem: (problem: Problem) => problems.push(problem) };
    await Deno.mkdir(`${folder}/in`);
    await download(client, "x", localDisk, `${folder}/in/target`, options);
    assertEquals(await everything(folder), ["in", "in/target", "in/target/good"]);
    assertEquals(problems.length, 2 * EVIL_NAMES.length);
    for (const { error } of problems) {
      assert(error instanceof AppError && /no name for a file|not UTF-8/.test(error.message), String(error));
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x1f]/.test(error.message), JSON.stringify(error.message));
    }
    for (const name of EVIL_NAMES) {
      const opened = server.requests.some(({ request }) =>
        request.type === "open" && decoder.decode(request.path) === `x/${name}`
      );
      assertEquals(opened, false, name);
    }
    client.close();
  }));

Deno.test("sftp: without somebody to tell, an evil name ends the listing", async () => {
  for (const name of EVIL_NAMES) {
    const server = folderServer((_path, turn) => turn === 0 ? [entry(name, regular)] : undefined);
    const client = await SftpClient.start(server.client);
    await assertRejects(() => Array.fromAsync(client.list("x")), AppError);
    client.close();
  }
});

Deno.test("sftp: wildcards find no evil names", async () => {
  const server = folderServer((_path, turn) =>
    turn === 0 ? [...EVIL_NAMES, "good"].map((name) => entry(name, regular)) : undefined
  );
  const client = await SftpClient.start(server.client);
  assertEquals(await findRemote(client, "x/*"), ["x/good"]);
  client.close();
});

Deno.test("sftp: folders within folders without end are given up", () =>
  withFolder(async (folder) => {
    const server = folderServer((_path, turn) => turn === 0 ? [entry("d", directory)] : undefined);
    const client = await SftpClient.start(server.client);
    const problems: string[] = [];
    const onProblem = ({ error }: Problem) => problems.push(String(error));
    const summary = await download(client, "x", localDisk, `${folder}/t`, { recursive: true, onProblem });
    assertEquals([summary.directories, problems.length], [64, 1]);
    assert(problems[0]?.includes("nested too deeply"));
    client.close();
  }));

Deno.test("sftp: a listing without end is stopped by its caller, and takes no memory", () =>
  withFolder(async (folder) => {
    const link = { mode: FileType.LINK | 0o777 };
    const server = folderServer(() => Array.from({ length: 100 }, (_, index) => entry(`f${index}`, link)));
    const client = await SftpClient.start(server.client);
    const stop = new AbortController();
    let problems = 0;
    const onProblem = () => ++problems > 5000 && stop.abort();
    const before = Deno.memoryUsage().rss;
    const options = { recursive: true, onProblem, signal: stop.signal };
    // Each link leads to a folder, which is not followed.
    await assertRejects(
      () => download(client, "x", localDisk, `${folder}/t`, options),
      AppError,
      "was stopped",
    );
    assert(Deno.memoryUsage().rss - before < 100e6);
    client.close();
  }));

Deno.test("sftp: an answer without names does not keep the client asking", async () => {
  const server = folderServer(() => []);
  const client = await SftpClient.start(server.client);
  await assertRejects(() => Array.fromAsync(client.list("x")), AppError, "sent nothing");
  client.close();
});

Deno.test("sftp: a link the server tells of becomes a file, never a link", () =>
  withFolder(async (folder) => {
    const link = { mode: FileType.LINK | 0o777, size: 4 };
    const server = folderServer((_path, turn) =>
      turn === 0 ? [entry("l", link), entry("m", link)] : undefined
    );
    const asFolder = server.onRequest;
    server.onRequest = (request) => {
      if (request.type === "stat" && decoder.decode(request.path) === "x/l") {
        return { type: "attributes", attributes: regular };
      }
      return asFolder(request);
    };
    const client = await SftpClient.start(server.client);
    const summary = await download(client, "x", localDisk, `${folder}/t`, { recursive: true });
    assertEquals(await everything(folder), ["t", "t/l"]);
    assertEquals(summary.problems, 1); // the other one leads to a folder
    client.close();
  }));

Deno.test("sftp: sizes and modes that cannot be do no harm", () =>
  withFolder(async (folder) => {
    const sizes = [Infinity, Number.MAX_SAFE_INTEGER, 0];
    const server = folderServer((_path, turn) =>
      turn === 0
        ? sizes.map((size, index) => entry(`f${index}`, { mode: FileType.REGULAR | 0o7777, size }))
        : undefined
    );
    // On the wire, no number is infinite.
    const encodeTooLarge = 2 ** 63;
    const list = server.onRequest;
    server.onRequest = (request) => {
      const answer = list(request);
      if (answer?.type !== "name") return answer;
      for (const { attributes } of answer.files) {
        if (attributes.size === Infinity) attributes.size = encodeTooLarge;
      }
      return answer;
    };
    const client = await SftpClient.start(server.client);
    const summary = await download(client, "x", localDisk, `${folder}/t`, {
      recursive: true,
      preserve: true,
    });
    assertEquals([summary.files, summary.problems], [2, 1]);
    for (const name of ["f1", "f2"]) {
      const info = await Deno.stat(`${folder}/t/${name}`);
      assertEquals([info.size, (info.mode ?? 0) & 0o7777], [4, 0o777]);
    }
    client.close();
  }));

/** A session whose other side says this and then ends. */
function scpSession(text: string | Uint8Array, code = 0): ClientSession {
  const [ours, theirs] = duplexPair();
  theirs.resume();
  theirs.on("error", () => {});
  theirs.end(typeof text === "string" ? Uint8Array.from(text, (character) => character.charCodeAt(0)) : text);
  return {
    stream: ours,
    stderr: Duplex.from([]),
    exit: Promise.resolve({ code }),
    refused: new Set(),
    resize: () => {},
    signal: () => {},
    break: () => Promise.resolve(false),
    endOutput: () => {},
    close: () => ours.destroy(),
  };
}

const scp = (text: string, folder: string, options: ScpDownloadOptions = {}, asked = "dir/file.txt") =>
  downloadByScp(scpSession(text), localDisk, asked, `${folder}/target`, options);

for (
  const name of ["", ".", "..", "/", "../evil", "/etc/evil", "a/b", "evil/", "..\0", "\0"]
) {
  for (const line of [`C0644 4 ${name}\nevil\0`, `D0755 0 ${name}\nC0644 4 evil\nevil\0E\n`]) {
    Deno.test(`scp: a name that leads elsewhere ends the session: ${JSON.stringify(line)}`, () =>
      withFolder(async (folder) => {
        await Deno.mkdir(`${folder}/target`);
        const options = { recursive: true, trustNames: true };
        await assertRejects(() => scp(line, folder, options), AppError, "unexpected filename");
        assertEquals(await everything(folder), ["target"]);
      }));
  }
}

for (
  const [asked, sent] of [
    ["dir/file.txt", ".bashrc"],
    ["dir/file.txt", "file.txt2"],
    ["dir/*.txt", ".ssh"],
    ["*", "\x1b[31m\xff"],
    ["file.tx?", "file.exe"],
    ["{a,b}.txt", "c.txt"],
    ["dir/", "other"],
    ["~", "home"],
  ] as const
) {
  Deno.test(`scp: a file that nobody asked for is refused: ${JSON.stringify(sent)} for ${asked}`, () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/target`);
      for (const text of [`C0644 4 ${sent}\nevil\0`, `D0755 0 ${sent}\nE\n`]) {
        const error = await assertRejects(() => scp(text, folder, { recursive: true }, asked), AppError);
        assert(/not asked for|not UTF-8/.test(error.message), error.message);
        // deno-lint-ignore no-control-regex
        assert(!/[\x00-\x1f]/.test(error.message), JSON.stringify(error.message));
      }
      assertEquals(await everything(folder), ["target"]);
    }));
}

Deno.test("scp: what was asked for comes, by its name or pattern", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/target`);
    for (const asked of ["dir/file.txt", "*.txt", "file.*", "{file,x}.txt", "[f]ile.txt", "dir/file.txt/"]) {
      const summary = await scp("C0644 4 file.txt\ngood\0", folder, {}, asked);
      assertEquals([summary.files, summary.problems], [1, 0], asked);
      await Deno.remove(`${folder}/target/file.txt`);
    }
    assertEquals((await scp("C0644 4 other\ngood\0", folder, { trustNames: true })).files, 1);
  }));

Deno.test("scp: a folder without -r ends the session", () =>
  withFolder(async (folder) => {
    await assertRejects(() => scp("D0755 0 file.txt\nE\n", folder), AppError, "without -r");
    assertEquals(await everything(folder), []);
  }));

Deno.test("scp: folders within folders without end are given up", () =>
  withFolder(async (folder) => {
    const text = `D0755 0 file.txt\n${"D0755 0 d\n".repeat(100)}`;
    await assertRejects(() => scp(text, folder, { recursive: true }), AppError, "nested too deeply");
  }));

Deno.test("scp: nothing that a server sends becomes a link", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/target`);
    const text = "D0755 0 d\nC0777 4 l\n/etc\0D0755 0 e\nE\nE\nC0777 4 m\n/etc\0";
    await scp(text, folder, { recursive: true }, "*");
    assertEquals(await everything(folder), ["target", "target/d", "target/d/e", "target/d/l", "target/m"]);
  }));

for (
  const [what, text, why] of [
    ["the end in a file", "C0644 10 file.txt\nabc", "middle of a file"],
    ["the end in a folder", "D0755 0 file.txt\n", "middle of a folder"],
    ["the end in a line", "C0644 10", "middle of a line"],
    ["a size that no file has", "C0644 9999999999999999999 file.txt\n", "size out of range"],
    ["a negative size", "C0644 -5 file.txt\n", "size not delimited"],
    ["a mode that is none", "C9999 1 file.txt\n", "bad mode"],
    ["a line without an end", "C".repeat(20_000), "line too long"],
    ["text", "Welcome!\n", "expected control record"],
    ["a fatal error", "\x02go\x1b[2J away\n", "go [2J away"],
  ] as const
) {
  Deno.test(`scp: ${what} is an error that says so`, () =>
    withFolder(async (folder) => {
      const error = await assertRejects(() => scp(text, folder, { recursive: true }), AppError, why);
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x1f]/.test(error.message), JSON.stringify(error.message));
    }));
}

Deno.test("scp: messages without end are counted, not kept", () =>
  withFolder(async (folder) => {
    let problems = 0;
    const text = "\x01no\n".repeat(100_000);
    const summary = await scp(text, folder, { onProblem: () => problems++ });
    assertEquals([summary.problems, problems], [100_000, 100_000]);
  }));

Deno.test("scp: a server that falls silent is given up", async () => {
  const [ours, theirs] = duplexPair();
  theirs.resume();
  const session = { ...scpSession(""), stream: ours, close: () => ours.destroy() };
  await assertRejects(
    () => downloadByScp(session, localDisk, "a", "/nonexistent", { stallMs: 30 }),
    AppError,
    "does not answer",
  );
});
