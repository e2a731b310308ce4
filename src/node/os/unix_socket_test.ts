import { assert, assertEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import type { Socket } from "node:net";
import { AppError } from "../../base/errors.ts";
import { deadSocket, isRoot, openDescriptors, until, withUser } from "./test_kit.ts";
import { connectUnix, UnixListener } from "./unix_socket.ts";
import { currentUser, type OsUser } from "./user.ts";

const me = currentUser();

async function withDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  await Deno.chmod(directory, 0o777);
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A listener that echoes; `uids` are those of who connected. */
function echo(path: string, user: OsUser) {
  const uids: number[] = [];
  const listener = new UnixListener(path, user, (stream, uid) => {
    uids.push(uid);
    stream.pipe(stream);
  });
  return { uids, listener };
}

async function text(stream: Socket): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += chunk;
  return all;
}

Deno.test("what is written to a socket comes out at the other end, and each direction ends by itself", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/s`;
    const { uids, listener } = echo(path, me);
    const stream = connectUnix(path, me);
    stream.end("x".repeat(3_000_000));
    assertEquals((await text(stream)).length, 3_000_000);
    assertEquals(uids, [me.uid]);
    listener.close();
  }));

Deno.test("a socket is made with mode 0600 for its user, and its file goes with it; connections stay", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/s`;
    const { listener } = echo(path, me);
    const { mode, uid } = await Deno.stat(path);
    assertEquals([(mode ?? 0) & 0o777, uid], [0o600, me.uid]);
    const stream = connectUnix(path, me);
    stream.write("a");
    await once(stream, "data");
    listener.close();
    listener.close();
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
    assertThrows(() => connectUnix(path, me), AppError, "No such file");
    stream.end("b");
    assertEquals(await text(stream), "b");
  }));

Deno.test("a path that is taken is left as it is, and so is a file that took the place of ours", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/s`;
    await Deno.writeTextFile(path, "mine");
    assertThrows(() => echo(path, me), AppError, "there is a file of that name");
    assertEquals(await Deno.readTextFile(path), "mine");
    await Deno.remove(path);
    await Deno.symlink(`${directory}/elsewhere`, path);
    assertThrows(() => echo(path, me), AppError, "there is a file of that name");
    await Deno.remove(path);
    const { listener } = echo(path, me);
    await Deno.remove(path);
    await Deno.writeTextFile(path, "another");
    listener.close();
    assertEquals(await Deno.readTextFile(path), "another");
  }));

Deno.test("a path that is relative, abstract, empty or too long is refused", () => {
  for (const path of ["", "s", "./s", "\0abstract", "/a\0b", `/${"x".repeat(107)}`]) {
    assertThrows(() => connectUnix(path, me), AppError);
    assertThrows(() => echo(path, me), AppError);
  }
});

Deno.test("nobody at the other end is said so, and nothing stays open", () =>
  withDirectory((directory) => {
    const path = `${directory}/s`;
    deadSocket(path);
    assertThrows(() => connectUnix(path, me), AppError, "nobody listens there");
    const before = openDescriptors();
    assertThrows(() => connectUnix(path, me), AppError, "nobody listens there");
    assertThrows(() => connectUnix(`${directory}/none`, me), AppError, "No such file");
    assertThrows(() => connectUnix(directory, me), AppError);
    assertThrows(() => echo("/no/such/directory/s", me), AppError);
    assertEquals(openDescriptors(), before);
    return Promise.resolve();
  }));

Deno.test("descriptors of connections that end are given back", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/s`;
    const { listener } = echo(path, me);
    const first = connectUnix(path, me);
    first.end("x");
    await text(first);
    await until("the first connection to close", () => first.destroyed);
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) {
      const stream = connectUnix(path, me);
      stream.end("x");
      assertEquals(await text(stream), "x");
    }
    await until("descriptors to be closed", () => openDescriptors() <= before);
    listener.close();
  }));

Deno.test({
  name: "a user reaches and makes sockets as he could himself, and is who the other end sees",
  ignore: !isRoot,
  fn: () =>
    withDirectory((directory) =>
      withUser(async (user) => {
        const path = `${directory}/of-root`;
        const { uids, listener } = echo(path, me);
        assertThrows(() => connectUnix(path, user), AppError, "Permission denied");
        await Deno.chmod(path, 0o666);
        const stream = connectUnix(path, user);
        stream.end("x");
        assertEquals(await text(stream), "x");
        assertEquals(uids, [user.uid], "not root");
        listener.close();

        await Deno.chmod(directory, 0o755);
        assertThrows(() => echo(`${directory}/his`, user), AppError, "Permission denied");
        await Deno.chmod(directory, 0o777);
        const his = echo(`${directory}/his`, user);
        const { uid, gid, mode } = await Deno.stat(`${directory}/his`);
        assertEquals([uid, gid, (mode ?? 0) & 0o777], [user.uid, user.gid, 0o600]);
        connectUnix(`${directory}/his`, user).destroy();
        his.listener.close();
        assertThrows(() => Deno.statSync(`${directory}/his`), Deno.errors.NotFound);
      })
    ),
});

Deno.test("a socket whose line is full is said so and does not block this process", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/s`;
    const script = `import socket,sys
s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0); print("ready", flush=True); sys.stdin.read()`;
    let python;
    try {
      python = new Deno.Command("python3", {
        args: ["-c", script, path],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return console.log("skipped, needs python3");
    }
    const reader = python.stdout.getReader();
    assert(new TextDecoder().decode((await reader.read()).value).includes("ready"));
    const streams: Socket[] = [];
    assertThrows(
      () => {
        for (let i = 0; i < 5; i++) streams.push(connectUnix(path, me));
      },
      AppError,
      "too many wait there",
    );
    for (const stream of streams) stream.destroy();
    await python.stdin.close();
    await reader.cancel();
    await python.status;
  }));
