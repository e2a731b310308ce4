import { assertEquals, assertRejects } from "@std/assert";
import { duplexPair } from "node:stream";
import { AppError } from "../../base/errors.ts";
import { SftpClient } from "./client.ts";
import { SftpConnection } from "./connection.ts";
import { PacketWriter } from "./packet_writer.ts";
import { PacketType, Status } from "./protocol.ts";
import type { Response } from "./response.ts";
import { FakeServer } from "./testing/fake_server.ts";

const OK: Response = { type: "status", status: Status.OK, message: new Uint8Array() };

Deno.test("answers find their requests, in whatever order they come", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const done: string[] = [];
  const all = ["a", "b", "c"].map((name) => client.remove(name).then(() => done.push(name)));
  await server.until(3);
  const ids = server.requests.map(({ id }) => id);
  for (const index of [2, 0, 1]) server.answer(ids[index] ?? 0, OK);
  await Promise.all(all);
  assertEquals(done, ["c", "a", "b"]);
  client.close();
});

Deno.test("the end of the session rejects what waits, and all that comes later", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const waiting = client.remove("a");
  await server.until(1);
  server.end();
  await assertRejects(() => waiting, AppError, "has ended");
  await assertRejects(() => client.remove("b"), AppError, "has ended");
});

Deno.test("an answer that nobody asked for ends the session", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const waiting = client.remove("a");
  await server.until(1);
  server.answer((server.requests[0]?.id ?? 0) + 1, OK);
  await assertRejects(() => waiting, AppError, "nobody had asked");
});

Deno.test("an answer of the wrong kind is an error of that request alone", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const stat = client.stat("a"), removed = client.remove("b");
  await server.until(2);
  server.answer(server.requests[0]?.id ?? 0, { type: "handle", handle: new Uint8Array() });
  server.answer(server.requests[1]?.id ?? 0, OK);
  await assertRejects(() => stat, AppError, "does not fit the question");
  await removed;
  client.close();
});

Deno.test("a refusal is told with the server's words, made harmless", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const waiting = client.removeDirectory("a\x1b");
  await server.until(1);
  const message = new TextEncoder().encode("not\x1b[2J empty");
  server.answer(server.requests[0]?.id ?? 0, { type: "status", status: Status.FAILURE, message });
  await assertRejects(() => waiting, AppError, "cannot remove a\\x1b: not\\x1b[2J empty");
  client.close();
});

Deno.test("a server that says nothing, another version or text is no server", async () => {
  const [silent] = duplexPair();
  await assertRejects(() => SftpConnection.start(silent, { startMs: 20 }), AppError, "does not answer");
  for (
    const [bytes, why] of [
      [[0, 0, 0, 5, PacketType.VERSION, 0, 0, 0, 2], "version 2"],
      [[0, 0, 0, 5, PacketType.STATUS, 0, 0, 0, 3], "began with a packet of type 101"],
      [[...new TextEncoder().encode("bash: no")], 'the text "bash..."'],
      [[0, 0, 0, 3, PacketType.VERSION, 0, 0], "ends too early"],
    ] as [number[], string][]
  ) {
    const [ours, theirs] = duplexPair();
    theirs.on("error", () => {});
    theirs.resume();
    theirs.write(Uint8Array.from(bytes));
    await assertRejects(() => SftpConnection.start(ours), AppError, why);
  }
});

Deno.test("a server that stops to answer is given up", async () => {
  const server = new FakeServer();
  const connection = await SftpConnection.start(server.client, { stallMs: 50 });
  await assertRejects(() => connection.request({ type: "limits" }), AppError, "does not answer any more");
});

Deno.test("thousands of requests at once wait for their turn and are all answered", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const all = Promise.all(Array.from({ length: 5000 }, (_, index) => client.remove(String(index))));
  for (let answered = 0; answered < 5000; answered++) {
    await server.until(answered + 1);
    assertEquals(server.requests.length <= answered + 1024, true);
    server.answer(server.requests[answered]?.id ?? 0, OK);
  }
  await all;
  client.close();
});

Deno.test("a server's limits bound the pieces, and nonsense in them does not", async () => {
  for (const [told, expected] of [[100_000, 100_000], [0, 32 * 1024], [2 ** 40, 255 * 1024]] as const) {
    const server = new FakeServer([["limits@openssh.com", "1"]]);
    const starting = SftpClient.start(server.client);
    await server.until(1);
    const data = new PacketWriter();
    for (let field = 0; field < 4; field++) data.uint64(told);
    server.answer(server.requests[0]?.id ?? 0, { type: "extended", data: data.bytes() });
    const client = await starting;
    const opening = client.open("a");
    await server.until(2);
    server.answer(server.requests[1]?.id ?? 0, { type: "handle", handle: new Uint8Array(1) });
    assertEquals((await opening).pieces, { read: expected, write: expected });
    client.close();
  }
});

Deno.test("more data than was asked for, or none, is refused", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  const opening = client.open("a");
  await server.until(1);
  server.answer(server.requests[0]?.id ?? 0, { type: "handle", handle: new Uint8Array(1) });
  const file = await opening;
  for (const [count, length, why] of [[2, 11, "more than was asked for"], [3, 0, "sent nothing"]] as const) {
    const reading = file.read(0, 10);
    await server.until(count);
    server.answer(server.requests.at(-1)?.id ?? 0, { type: "data", data: new Uint8Array(length) });
    await assertRejects(() => reading, AppError, why);
  }
  client.close();
});

Deno.test("a NUL in a path is refused before it is sent", async () => {
  const server = new FakeServer();
  const client = await SftpClient.start(server.client);
  await assertRejects(() => client.stat("a\0b"), AppError, "NUL");
  assertEquals(server.requests.length, 0);
  client.close();
});
