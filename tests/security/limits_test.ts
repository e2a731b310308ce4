import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Socket } from "node:net";
import { AppError } from "../../src/base/errors.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import { startTestServer } from "../kit/ssh_pair.ts";
import { streamPair } from "../kit/stream_pair.ts";
import { certifyUser, MESSAGE, rawClient, type SpyServer, startSpyServer } from "../kit/raw_ssh.ts";

/** Settles when the socket is closed, be it by a reset. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.destroyed ? resolve() : socket.once("close", () => resolve()));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("drain", () => resolve()));
}

/** The server has taken notice of a socket once it has sent its identification. */
async function greeted(server: SpyServer): Promise<Socket> {
  const socket = await server.dial();
  await once(socket, "data");
  return socket;
}

async function logIn(server: SpyServer) {
  const key = generateKey();
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  return await connectSsh({ stream: await server.dial(), username: "joe", credential, verifyHost: () => {} });
}

Deno.test("one address may have only so many connections that have not logged in: the oldest makes room", async () => {
  await using server = await startSpyServer({ maxUnauthenticatedPerAddress: 3 });
  const [oldest, ...others] = [await greeted(server), await greeted(server), await greeted(server)];
  assertEquals((await logIn(server)).open, true);
  await gone(oldest);
  assertEquals(server.refusals, ["it made room for another connection, as 1 have so far"]);
  assertEquals(others.every((socket) => !socket.destroyed), true);
  assertEquals(server.server.waiting, 2);
});

Deno.test("the whole server may have only so many connections that have not logged in", async () => {
  await using server = await startSpyServer({ maxUnauthenticated: 2 });
  const [oldest] = [await greeted(server), await greeted(server)];
  const newest = await greeted(server);
  await gone(oldest);
  assertEquals(server.refusals, ["it made room for another connection, as 1 have so far"]);
  assertEquals([newest.destroyed, server.server.waiting], [false, 2]);
  assertEquals((await logIn(server)).open, true);
});

Deno.test("who has logged in does not take the place of those who have not", async () => {
  await using server = await startSpyServer({ maxUnauthenticatedPerAddress: 1 });
  const clients = [await logIn(server), await logIn(server), await logIn(server)];
  assertEquals(clients.every((client) => client.open), true);
  assertEquals(server.server.connections.size, 3);
  for (const client of clients) client.close();
  await Promise.all(server.connections.map(({ closed }) => closed));
  assertEquals(server.server.connections.size, 0);
});

Deno.test("a server takes only so many connections in all", async () => {
  await using server = await startSpyServer({ maxConnections: 1 });
  await logIn(server);
  await assertRejects(() => logIn(server), AppError);
  assertEquals(server.refusals, ["too many connections"]);
});

Deno.test("in a full server who has not logged in makes room, and nobody who has", async () => {
  await using server = await startSpyServer({ maxConnections: 2 });
  const client = await logIn(server);
  const idle = await greeted(server);
  const second = await logIn(server);
  await gone(idle);
  assertEquals([client.open, second.open, server.server.waiting], [true, true, 0]);
  await assertRejects(() => logIn(server), AppError);
  client.close();
  second.close();
});

Deno.test("a network that connects too fast is refused before it says anything", async () => {
  const rates = [{ periodMs: 3_600_000, average: 1, burst: 2 }];
  await using server = await startSpyServer({ rates });
  for (let i = 0; i < 2; i++) (await logIn(server)).close();
  await assertRejects(() => logIn(server), AppError);
  assertEquals(server.refusals, ["too many connections from this network in a short time"]);
});

Deno.test("a socket that says nothing is cut after the grace time", async () => {
  await using server = await startSpyServer({ loginGraceMs: 30 });
  const socket = await server.dial();
  socket.resume();
  await gone(socket);
  assertEquals(server.refusals, ["no login within the grace time"]);
});

Deno.test("a client that finishes the key exchange and then waits is cut after the grace time", async () => {
  await using server = await startSpyServer({ loginGraceMs: 300 });
  const client = await rawClient(await server.dial()).catch(() => undefined); // a very busy machine may be slower
  await client?.closed;
  assertEquals(server.refusals, ["no login within the grace time"]);
});

/** A login on a machine that may be too busy for the grace time at first. */
async function logInAtLast(server: SpyServer) {
  for (;;) {
    try {
      return await logIn(server);
    } catch (error) {
      if (!server.refusals.includes("no login within the grace time")) throw error;
      server.refusals.length = 0;
    }
  }
}

Deno.test("a client that logged in is not cut by the grace time", async () => {
  await using server = await startSpyServer({ loginGraceMs: 500 });
  const client = await logInAtLast(server);
  const silent = await server.dial();
  silent.resume();
  await gone(silent);
  assertEquals(server.refusals, ["no login within the grace time"]);
  assertEquals(client.open, true);
});

Deno.test("a flood of ignorable messages before authentication is cut", async () => {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial());
  for (let i = 0; i < 300; i++) client.send(new Uint8Array([MESSAGE.ignore, 0, 0, 0, 0]));
  await client.closed;
  assertEquals(server.refusals[0], "too many messages before authentication");
});

Deno.test("a packet that only a peer who has logged in may send is not gathered before that", async () => {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial());
  client.send(new Uint8Array(50_000).with(0, MESSAGE.ignore));
  await client.closed;
  assertEquals(server.refusals[0]?.includes("Bad packet length"), true, server.refusals.join());
});

/** An unencrypted SSH packet (RFC 4253 section 6). */
function plainPacket(payload: Uint8Array): Buffer {
  let padding = 8 - (5 + payload.length) % 8;
  if (padding < 4) padding += 8;
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(1 + payload.length + padding, 0);
  packet[4] = padding;
  packet.set(payload, 5);
  return packet;
}

Deno.test("a flood of ignorable messages before the key exchange is cut", async () => {
  await using server = await startSpyServer();
  const socket = await server.dial();
  socket.resume();
  socket.write("SSH-2.0-flood\r\n");
  const ignore = plainPacket(new Uint8Array(30_000).fill(0).with(0, MESSAGE.ignore));
  let sent = 0;
  while (!socket.destroyed && sent < 64 * 1024 * 1024) {
    sent += ignore.length;
    if (!socket.write(ignore)) await Promise.race([drained(socket), gone(socket)]);
  }
  assert(socket.destroyed);
  assertEquals(server.refusals[0], "too much data before authentication");
  assertLess(sent, 32 * 1024 * 1024);
});

Deno.test("a greeting without an end, and one that is no SSH, is cut", async () => {
  await using server = await startSpyServer();
  for (const line of ["x".repeat(9000), "GET / HTTP/1.1\r\n\r\n", "SSH-1.5-old\r\n", "\u0000\u0000\n"]) {
    const socket = await server.dial();
    socket.resume();
    socket.write(line);
    await gone(socket);
  }
  assertEquals(server.connections, []);
});

Deno.test("a packet that claims to be huge is cut before it is stored", async () => {
  await using server = await startSpyServer();
  for (const length of [0xffff_ffff, 0x7fff_ffff, 1_000_000, 0, 3]) {
    const socket = await server.dial();
    socket.resume();
    const header = Buffer.alloc(16);
    header.writeUInt32BE(length, 0);
    socket.write(Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), header]));
    await gone(socket);
  }
  assertEquals(server.connections, []);
});

Deno.test("one connection may have only so many sessions", async () => {
  await using server = await startSpyServer({ maxSessionsPerConnection: 2 });
  const client = await logIn(server);
  const open = () => client.exec("true");
  await open();
  await open();
  await assertRejects(open, AppError, "refused");
});

Deno.test("many half-open handshakes do not keep others from logging in", async () => {
  await using server = await startSpyServer({ maxUnauthenticatedPerAddress: 500 });
  await Promise.all(
    Array.from({ length: 150 }, async () => (await greeted(server)).write("SSH-2.0-half\r\n")),
  );
  assertEquals((await logIn(server)).open, true);
});

Deno.test("a client that says goodbye and does not go is cut, before the login and after it", async () => {
  const goodbye = new WireWriter().byte(MESSAGE.disconnect).uint32(11).string("bye").string("").bytes();
  await using server = await startTestServer({});
  const dial = () => {
    const [stream, accepted] = streamPair(); // closes neither side by itself
    server.server.accept(accepted, { address: "memory", port: 0 });
    return { stream: stream as Socket, accepted };
  };
  const stranger = dial();
  (await rawClient(stranger.stream)).send(goodbye);
  await once(stranger.accepted, "close");
  const connected = server.connection();
  const client = await server.raw();
  const { closed } = await connected;
  client.send(goodbye);
  await closed;
  assertEquals([server.server.waiting, server.server.connections.size], [0, 0]);
});
