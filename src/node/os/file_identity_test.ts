import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { fileIdentity } from "./file_identity.ts";
import { listDirectory } from "./list_directory.ts";

Deno.test("a path is known by the file it names, not by what a link leads to", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/file`;
  await Deno.writeTextFile(path, "", { mode: 0o640 });
  await Deno.symlink(directory, `${directory}/link`);
  const { uid, ino, dev } = await Deno.stat(path);
  const found = fileIdentity(path);
  assertEquals(found, {
    device: BigInt(dev),
    inode: BigInt(ino ?? 0),
    uid: uid ?? -1,
    isDirectory: false,
    mode: 0o640,
  });
  assertEquals(fileIdentity(directory)?.isDirectory, true);
  assertEquals(fileIdentity(`${directory}/link`)?.isDirectory, false);
  assertEquals(fileIdentity(`${directory}/none`), undefined);
  await Deno.remove(path);
  await Deno.writeTextFile(`${directory}/other`, "");
  await Deno.writeTextFile(path, "");
  assertNotEquals(fileIdentity(path)?.inode, found?.inode);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("all names of a directory are listed, however many", async () => {
  const directory = await Deno.makeTempDir();
  const names = Array.from({ length: 600 }, (_, i) => `name-${i}-${"x".repeat(i % 100)}`);
  for (const name of names) await Deno.writeTextFile(`${directory}/${name}`, "");
  assertEquals(new Set(listDirectory(directory)), new Set([".", "..", ...names]));
  await Deno.remove(directory, { recursive: true });
  assertThrows(() => listDirectory(directory), AppError, "No such file");
});
