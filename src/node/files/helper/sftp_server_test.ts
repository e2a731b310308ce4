import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FilesHelper } from "../../../../tests/kit/files_helper.ts";
import { withoutRoot } from "../../../../tests/kit/machine.ts";
import { startStockSftp, STOCK_SFTP } from "../../../../tests/kit/stock_sftp.ts";
import { AppError } from "../../../base/errors.ts";
import type { DirectoryEntry, SftpClient } from "../../../ssh/sftp/client.ts";
import { Extension, OpenFlag } from "../../../ssh/sftp/protocol.ts";

const { READ, WRITE, CREATE, TRUNCATE, EXCLUSIVE, APPEND } = OpenFlag;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const equal = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const show = (value: unknown) => JSON.stringify(value)?.slice(-100);

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "teleport-sftp-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function listing(client: SftpClient, path: string): Promise<DirectoryEntry[]> {
  const entries = await Array.fromAsync(client.list(path));
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function write(
  client: SftpClient,
  path: string,
  text: string,
  flags: number = WRITE | CREATE | TRUNCATE,
) {
  const file = await client.open(path, flags);
  await file.write(0, encoder.encode(text));
  await file.close();
}

async function read(client: SftpClient, path: string): Promise<string> {
  const file = await client.open(path);
  const parts = await Array.fromAsync(file.readAll(0, 0));
  await file.close();
  return parts.map((part) => decoder.decode(part)).join("");
}

Deno.test("files are written, read, appended to, cut and replaced", () =>
  withDirectory(async (directory) => {
    await using sftp = await FilesHelper.sftp();
    const { client } = sftp;
    const path = `${directory}/a`;
    await write(client, path, "hello");
    assertEquals(await read(client, path), "hello");
    await write(client, path, " world", WRITE | APPEND);
    assertEquals(await Deno.readTextFile(path), "hello world");
    await write(client, path, "HE", WRITE);
    assertEquals(await Deno.readTextFile(path), "HEllo world");
    await assertRejects(() => client.open(path, WRITE | CREATE | EXCLUSIVE), AppError, "File exists");
    const file = await client.open(path, READ | WRITE);
    await file.setAttributes({ size: 2, mode: 0o640, times: { accessed: 5, modified: 7 } });
    assertEquals((await file.stat()).size, 2);
    await file.sync();
    await file.close();
    const info = await Deno.stat(path);
    assertEquals([info.size, (info.mode ?? 0) & 0o7777, info.mtime?.getTime()], [2, 0o640, 7000]);
    await assertRejects(() => file.close(), AppError, "no such file");
    await assertRejects(() => file.read(0, 1), AppError, "Invalid handle");
  }));

Deno.test("a new file has the mode that was asked for, within the mask", () =>
  withDirectory(async (directory) => {
    await using sftp = await FilesHelper.sftp();
    await using masked = await FilesHelper.sftp({ umask: 0o077 });
    const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o7777;
    await (await sftp.client.open(`${directory}/a`, WRITE | CREATE, 0o777)).close();
    await (await sftp.client.open(`${directory}/b`, WRITE | CREATE)).close();
    await sftp.client.makeDirectory(`${directory}/c`);
    await masked.client.makeDirectory(`${directory}/d`, 0o777);
    assertEquals(await Promise.all(["a", "b", "c", "d"].map((name) => mode(`${directory}/${name}`))), [
      0o755,
      0o644,
      0o755,
      0o700,
    ]);
  }));

Deno.test("paths are made, renamed, linked and removed as OpenSSH does", () =>
  withDirectory(async (directory) => {
    await using sftp = await FilesHelper.sftp();
    const { client } = sftp;
    const at = (name: string) => `${directory}/${name}`;
    await write(client, at("a"), "a");
    await write(client, at("b"), "b");
    await client.rename(at("a"), at("b"));
    assertEquals(await Deno.readTextFile(at("b")), "a");
    await client.hardLink(at("b"), at("c"));
    assertEquals((await Deno.stat(at("c"))).nlink, 2);
    await client.symbolicLink("b", at("d"));
    assertEquals(await client.readLink(at("d")), "b");
    assertEquals(await client.realPath(at("d")), at("b"));
    assertEquals((await client.lstat(at("d")))?.mode, 0o120777);
    await client.makeDirectory(at("e"), 0o711);
    await assertRejects(() => client.makeDirectory(at("e")), AppError, "File exists");
    await assertRejects(() => client.remove(at("e")), AppError, "Is a directory");
    await client.removeDirectory(at("e"));
    await client.remove(at("d"));
    await client.setAttributes(at("c"), { mode: 0o600 });
    assertEquals((await listing(client, directory)).map(({ name }) => name), ["b", "c"]);
    assertEquals(await client.stat(at("nothing")), undefined);
    assertEquals(await client.stat(`${at("b")}/below`), undefined); // a file is no folder
    await assertRejects(() => Array.fromAsync(client.list(at("b"))), AppError, "no such file");
  }));

Deno.test("rename without OpenSSH's extension never replaces", () =>
  withDirectory(async (directory) => {
    await using sftp = await FilesHelper.sftp({ denied: [] });
    const { client } = sftp;
    await write(client, `${directory}/a`, "a");
    await write(client, `${directory}/b`, "b");
    client.can = () => false;
    await assertRejects(() => client.rename(`${directory}/a`, `${directory}/b`), AppError, "File exists");
    await client.rename(`${directory}/a`, `${directory}/c`);
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), ["b", "c"]);
  }));

Deno.test({
  name: "listings, attributes, file systems and paths are those of OpenSSH's sftp-server, to the letter",
  ignore: STOCK_SFTP === undefined,
  fn: () =>
    withDirectory(async (directory) => {
      await Deno.mkdir(`${directory}/sub`);
      for (let index = 0; index < 250; index++) {
        await Deno.writeTextFile(`${directory}/f${index}`, "x".repeat(index));
      }
      await Deno.symlink("f1", `${directory}/link`);
      await Deno.symlink("nowhere", `${directory}/dangling`);
      await Deno.symlink("loop", `${directory}/loop`);
      await Deno.chmod(`${directory}/f2`, 0o7751);
      await Deno.chmod(`${directory}/f3`, 0o6611);
      await Deno.chmod(`${directory}/sub`, 0o1777);
      await Deno.utime(`${directory}/f4`, 1, 86_400);
      await Deno.utime(`${directory}/f5`, 1, Math.floor(Date.now() / 1000) - 200 * 86_400);
      await Deno.writeTextFile(`${directory}/\u00fcml\u00e4ut \u{1f600}`, "");
      await using ours = await FilesHelper.sftp({ startDirectory: directory });
      await using stock = await startStockSftp(directory);
      for (const path of [directory, "/", "/dev", "/etc"]) {
        assertEquals(await listing(ours.client, path), await listing(stock.client, path), path);
      }
      const tell = async (work: Promise<unknown>) => await work.catch((error) => String(error));
      const paths = [
        "",
        ".",
        "..",
        "/",
        "//",
        "/..",
        "f1",
        "link",
        "dangling",
        "loop",
        "nothing",
        "nothing/below",
        "f1/below",
        "sub/",
        "sub/../link",
        "sub/nothing/",
        "./sub/./..//f1",
        "~",
        "~/f1",
        "~root",
        "~root/x",
        "~no-such-user",
        "/proc/self/cwd/f1",
        "x".repeat(300),
        `${"x/".repeat(3000)}`,
      ];
      for (const path of paths) {
        for (const call of ["stat", "lstat", "realPath", "readLink", "expandPath"] as const) {
          const [own, expected] = [await tell(ours.client[call](path)), await tell(stock.client[call](path))];
          assert(equal(own, expected), `${call} ${path.slice(0, 40)}: ${show(own)}, not ${show(expected)}`);
        }
      }
      const [system, expected] = [
        await ours.client.fileSystem("/proc"),
        await stock.client.fileSystem("/proc"),
      ];
      assertEquals(system, expected);
      for (const [extension, version] of Object.entries(Extension)) {
        assertEquals(ours.client.can(version), stock.client.can(version), extension);
      }
    }),
});

Deno.test("a folder of 3,000 files is listed whole, each once", () =>
  withDirectory(async (directory) => {
    const names = Array.from({ length: 3000 }, (_, index) => `${index}`.padStart(4, "0") + "-".repeat(200));
    await Promise.all(names.map((name) => Deno.writeTextFile(`${directory}/${name}`, "")));
    await using sftp = await FilesHelper.sftp();
    assertEquals((await listing(sftp.client, directory)).map(({ name }) => name), names);
  }));

Deno.test("a read-only session reads and changes nothing", () =>
  withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/a`, "a");
    await using sftp = await FilesHelper.sftp({ readOnly: true });
    const { client, helper } = sftp;
    const path = `${directory}/a`;
    assertEquals(await read(client, path), "a");
    const refused: (() => Promise<unknown>)[] = [
      () => client.open(path, WRITE),
      () => client.open(path, READ | TRUNCATE),
      () => client.open(`${directory}/b`, READ | CREATE),
      () => client.remove(path),
      () => client.rename(path, `${directory}/b`),
      () => client.hardLink(path, `${directory}/b`),
      () => client.symbolicLink(path, `${directory}/b`),
      () => client.makeDirectory(`${directory}/b`),
      () => client.removeDirectory(directory),
      () => client.setAttributes(path, { mode: 0o777 }),
      async () => await (await client.open(path)).setAttributes({ mode: 0o777 }),
    ];
    for (const attempt of refused) await assertRejects(attempt, AppError, "permission denied");
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["a"]);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o7777, 0o644);
    client.close();
    const deeds = await helper.deeds();
    assertEquals(deeds.filter(({ error }) => error !== undefined).length >= refused.length - 1, true);
  }));

Deno.test("requests that are not allowed are refused by their names", async () => {
  await using sftp = await FilesHelper.sftp({ allowed: ["stat", "realpath", "limits"] });
  await sftp.client.stat("/");
  await assertRejects(() => sftp.client.lstat("/"), AppError, "permission denied");
  await assertRejects(() => Array.fromAsync(sftp.client.list("/")), AppError, "permission denied");
  await using denied = await FilesHelper.sftp({ denied: ["opendir", "expand-path"] });
  await denied.client.lstat("/");
  await assertRejects(() => Array.fromAsync(denied.client.list("/")), AppError, "permission denied");
  await assertRejects(() => denied.client.expandPath("~"), AppError, "permission denied");
});

Deno.test("open files are bounded, and there is room again when one is closed", async () => {
  await using sftp = await FilesHelper.sftp();
  const files = await Promise.all(Array.from({ length: 1000 }, () => sftp.client.open("/etc/passwd")));
  await assertRejects(() => sftp.client.open("/etc/passwd"), AppError, "Too many open files");
  await assertRejects(() => Array.fromAsync(sftp.client.list("/")), AppError, "Too many open files");
  await files[0]?.close();
  await (await sftp.client.open("/etc/passwd")).close();
});

Deno.test("every file and every change is reported, what was still open too", () =>
  withDirectory(async (directory) => {
    const at = (name: string) => `${directory}/${name}`;
    await using sftp = await FilesHelper.sftp({ startDirectory: directory });
    const { client, helper } = sftp;
    const file = await client.open("a", WRITE | CREATE);
    await file.write(0, encoder.encode("12345"));
    await file.setAttributes({ mode: 0o600 });
    await file.close();
    await read(client, at("a"));
    await client.symbolicLink("a", "link");
    const linked = await client.open("./link");
    await linked.read(0, 3);
    await linked.close();
    await client.rename("a", "b");
    await client.setAttributes("b", { mode: 0o644, times: { accessed: 1, modified: 2 } });
    await assertRejects(() => client.remove("nothing"), AppError);
    await client.remove("link");
    const both = await client.open("b", READ | WRITE);
    await both.read(0, 2);
    await both.write(5, encoder.encode("6"));
    await both.close();
    await (await client.open("left", WRITE | CREATE)).write(0, encoder.encode("abc"));
    client.close();
    const deeds = await helper.deeds();
    assertEquals(deeds.map((deed) => JSON.parse(JSON.stringify(deed))), [
      { action: "write", path: at("a"), len: 5, change: "mode=0600" },
      { action: "read", path: at("a"), len: 5 },
      { action: "symlink", path: at("link"), target: "a" },
      { action: "read", path: at("link"), real: at("a"), len: 3 },
      { action: "rename", path: at("a"), target: at("b") },
      { action: "setstat", path: at("b"), change: "mode=0644 modified=1970-01-01T00:00:02.000Z" },
      { action: "remove", path: at("nothing"), error: "No such file or directory" },
      { action: "remove", path: at("link") },
      { action: "read", path: at("b"), len: 2 },
      { action: "write", path: at("b"), len: 1 },
      { action: "write", path: at("left"), len: 3, error: "the session ended before the file was closed" },
    ]);
    const opened = helper.reports.filter(({ type }) => type === "opened").length;
    assertEquals(opened, 5);
  }));

Deno.test("data is copied on the server, also out of files that tell no size", () =>
  withDirectory(async (directory) => {
    await using sftp = await FilesHelper.sftp();
    const { client, helper } = sftp;
    const data = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${directory}/a`, data);
    const copy = async (from: string, to: string, ranges: [number, number, number]) => {
      const [source, target] = [await client.open(from), await client.open(to, WRITE | CREATE)];
      await source.copyTo(target, ...ranges);
      await Promise.all([source.close(), target.close()]);
      return await Deno.readFile(to);
    };
    assertEquals(await copy(`${directory}/a`, `${directory}/b`, [0, 0, 0]), data);
    assertEquals(await copy(`${directory}/a`, `${directory}/c`, [100, 50, 0]), data.subarray(100, 150));
    const version = await copy("/proc/version", `${directory}/d`, [0, 0, 0]);
    assertEquals(decoder.decode(version), await Deno.readTextFile("/proc/version"));
    const same = await client.open(`${directory}/a`, READ | WRITE);
    await assertRejects(() => same.copyTo(same, 0, 10, 5), AppError);
    await same.close();
    client.close();
    const written = (await helper.deeds()).filter(({ action }) => action === "write").map(({ len }) => len);
    assertEquals(written.slice(0, 3), [60_000, 50, version.length]);
  }));

Deno.test("users and groups have names", async () => {
  await using sftp = await FilesHelper.sftp();
  assertEquals(await sftp.client.accountNames([0, 4_000_000_000], [0]), {
    users: ["root", ""],
    groups: ["root"],
  });
});

Deno.test("the process holds nothing open that is not the session's", {
  ignore: withoutRoot("to see what the process holds open"),
}, async () => {
  await using sftp = await FilesHelper.sftp();
  const links: string[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${sftp.helper.child.pid}/fd`)) {
    links.push(await Deno.readLink(`/proc/${sftp.helper.child.pid}/fd/${name}`));
  }
  for (const link of links) assertMatch(link, /^(?:pipe:|socket:|anon_inode:|\/dev\/null)/);
  assert(links.length > 4);
});
