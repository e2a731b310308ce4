import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { AppError } from "../../src/base/errors.ts";
import type { ServerSessionChannel } from "../../src/ssh/server_session.ts";
import type { Ssh2Channel } from "../../src/ssh/ssh2/internals.ts";
import { WireReader, WireWriter } from "../../src/ssh/wire.ts";
import { answerOf, channelMessage, openRaw, startTestServer } from "../kit/ssh_pair.ts";
import { streamPair } from "../kit/stream_pair.ts";

const WINDOW = 2 * 1024 * 1024;
const PIECE = Buffer.alloc(32 * 1024);

const target = (port = 1) =>
  new WireWriter().string("target").uint32(port).string("127.0.0.1").uint32(1).bytes();

/** A server whose programs read nothing. */
function deafServer() {
  const { promise, resolve } = Promise.withResolvers<ServerSessionChannel>();
  const routes = { session: () => ({ exec: (channel: ServerSessionChannel) => resolve(channel) }) };
  return startTestServer(routes).then((server) => Object.assign(server, { running: promise }));
}

/** A running program that reads nothing, and whose client has used up all the window that it got. */
async function fullChannel(kind: "data" | "extendedData") {
  const server = await deafServer();
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.request(channel, "exec", new WireWriter().string("sleep").bytes()));
  await answerOf(client);
  const running = await server.running as ServerSessionChannel & Ssh2Channel;
  const { incoming } = running;
  while (incoming.window > 0) {
    const piece = PIECE.subarray(0, Math.min(PIECE.length, incoming.window));
    client.send(channelMessage[kind](channel, piece));
    client.send(channelMessage.global("ping"));
    assertEquals(await answerOf(client), 82, "all of the window may be used");
  }
  return { server, client, channel, running };
}

for (const kind of ["data", "extendedData"] as const) {
  Deno.test(`a client that fills the window with ${kind} is held, and one that goes past it is cut`, async () => {
    const { server, client, channel, running } = await fullChannel(kind);
    await using _closed = server;
    const kept = running.readableLength;
    assertLess(kept, 2 * WINDOW + 1);
    client.send(channelMessage[kind](channel, Buffer.alloc(1)));
    await client.closed;
    assertEquals(server.refusals, ["channel 0 got 1 bytes with a window of 0"]);
    assertEquals(running.readableLength, kept);
  });
}

Deno.test("one piece that is larger than what is left of the window is cut, too", async () => {
  await using server = await deafServer();
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.request(channel, "exec", new WireWriter().string("sleep").bytes()));
  for (let i = 0; i < 2 * WINDOW / 32000 + 1; i++) {
    client.send(channelMessage.data(channel, Buffer.alloc(32000)));
  }
  await client.closed;
  assert(server.refusals[0]?.includes("with a window of"));
});

Deno.test("what is sent to a session before its program runs waits for that, but no more than the window", async () => {
  await using server = await deafServer();
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  client.send(channelMessage.data(channel, PIECE));
  client.send(channelMessage.request(channel, "exec", new WireWriter().string("cat").bytes()));
  assertEquals(await answerOf(client), 99);
  assertEquals((await server.running).readableLength, PIECE.length);
  const other = await openRaw(client, "session", 1) as number;
  for (let i = 0; i < 130; i++) client.send(channelMessage.data(other, PIECE));
  await client.closed;
  assert(server.refusals[0]?.includes("with a window of"));
});

Deno.test("a server that goes past the window of our client is left", async () => {
  await using server = await deafServer();
  const client = await server.client();
  const session = await client.exec("flood");
  const running = await server.running as ServerSessionChannel & Ssh2Channel;
  running.outgoing.window = 2 ** 31; // it does as if it had all the window of the world
  running.write(Buffer.alloc(3 * WINDOW));
  await client.closed;
  assertLess(session.stream.readableLength, 2 * WINDOW + 1);
});

Deno.test("a channel that takes next to nothing at once is refused, and a packet size of 0 stops nobody", async () => {
  const { promise: streams, resolve } = Promise.withResolvers<Duplex>();
  await using server = await startTestServer({
    session: () => ({ shell: () => {} }),
    directTcpip: () => {
      const [here, there] = streamPair();
      resolve(there);
      return Promise.resolve(here);
    },
  });
  const client = await server.raw();
  for (const size of [0, 1, 255]) {
    client.send(channelMessage.open("session", 1, undefined, WINDOW, size));
    const reader = new WireReader(await client.receive() ?? Buffer.alloc(0));
    assertEquals([reader.byte(), reader.uint32(), reader.uint32()], [92, 1, 1]);
    assertEquals(reader.text(), `a maximum packet size of ${size} bytes is too small`);
  }
  client.send(channelMessage.open("direct-tcpip", 1, target(), 0, 256)); // no window at all is legal
  assertEquals((await client.receive())?.[0], 91);
  (await streams).write(Buffer.alloc(1000));
  client.send(channelMessage.global("ping"));
  assertEquals(await answerOf(client), 82);
});

Deno.test("a client that confirms a channel with a packet size of 0 is cut", async () => {
  await using server = await startTestServer({ session: () => ({ agent: () => {}, shell: () => {} }) });
  const connected = server.connection();
  const client = await server.raw();
  const opened = (await connected).openAgent();
  const asked = new WireReader(await client.receive() ?? Buffer.alloc(0));
  assertEquals([asked.byte(), asked.text()], [90, "auth-agent@openssh.com"]);
  client.send(channelMessage.confirm(asked.uint32(), 0, WINDOW, 0));
  await assertRejects(() => opened, AppError, "closed");
  assertEquals(server.refusals, ["a maximum packet size of 0 bytes is too small"]);
});

Deno.test("channels that wait for their target count, and more than allowed are refused with the number that is", async () => {
  const dials: ((stream: Duplex) => void)[] = [];
  await using server = await startTestServer({
    directTcpip: () => new Promise((resolve) => dials.push(resolve)),
  }, { maxChannelsPerConnection: 5 });
  const client = await server.raw();
  for (let i = 0; i < 5; i++) client.send(channelMessage.open("direct-tcpip", i, target()));
  assertEquals(
    await openRaw(client, "direct-tcpip", 9, target()),
    "too many channels on this connection: 5 are allowed",
  );
  assertEquals(dials.length, 5);
  const [here] = streamPair();
  dials[0]?.(here);
  assertEquals(await answerOf(client), 91);
  assertEquals(
    await openRaw(client, "direct-tcpip", 9, target()),
    "too many channels on this connection: 5 are allowed",
    "an open channel counts like one that waits",
  );
});

Deno.test("a target that answers after its client has left is let go, and the server goes on", async () => {
  const { promise: dialed, resolve } = Promise.withResolvers<(stream: Duplex) => void>();
  await using server = await startTestServer({
    directTcpip: () => new Promise((done) => resolve(done)),
    session: () => ({ shell: () => {} }),
  });
  const client = await server.raw();
  client.send(channelMessage.open("direct-tcpip", 0, target()));
  const finish = await dialed;
  const [connection] = server.server.connections;
  client.close();
  await connection?.closed;
  const [here] = streamPair();
  const gone = once(here, "close");
  finish(here);
  await gone;
  assertEquals(typeof await openRaw(await server.raw(), "session", 0), "number");
});

const questions = {
  "global requests": channelMessage.global("ping"),
  "channels that nobody knows": channelMessage.open("made-up", 0),
  "requests on a channel": channelMessage.request(0, "made-up"),
};

for (const [what, message] of Object.entries(questions)) {
  Deno.test(`a client that asks for ever and reads no answer is cut: ${what}`, async () => {
    await using server = await startTestServer({ session: () => ({ shell: () => {} }) });
    const connected = server.connection();
    const client = await server.raw();
    const { closed } = await connected;
    await openRaw(client, "session", 0);
    client.stream.pause();
    let over = false;
    closed.then(() => over = true);
    let sent = 0;
    for (; !over && sent < 50_000; sent++) {
      client.send(message);
      if (sent % 500 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(server.refusals, ["more than 5000 answers wait for a peer that does not read"]);
    assertLess(sent, 50_000);
  });
}

Deno.test("a client that asks much and reads the answers is served", async () => {
  await using server = await startTestServer({});
  const client = await server.raw();
  for (let i = 0; i < 20_000; i++) {
    client.send(channelMessage.global("ping"));
    if (i % 1000 === 999) { for (let j = 0; j < 1000; j++) assertEquals(await answerOf(client), 82); }
  }
  assertEquals(server.refusals, []);
});

Deno.test("requests that pile up behind one that takes time are cut: on a channel and of the whole connection", async () => {
  const never = new Promise<never>(() => {});
  const x11 = new WireWriter().boolean(false).string("P").string("0a").uint32(0).bytes();
  const bind = new WireWriter().string("").uint32(0).bytes();
  const floods: Record<string, (channel: number) => Uint8Array> = {
    "too many requests on a channel wait for an answer": (channel) =>
      channelMessage.request(channel, "x11-req", x11),
    "too many global requests wait for an answer": () => channelMessage.global("tcpip-forward", bind),
  };
  for (const [reason, message] of Object.entries(floods)) {
    await using server = await startTestServer({
      session: () => ({ x11: () => never }),
      listenTcp: () => never,
    });
    const client = await server.raw();
    const channel = await openRaw(client, "session", 0) as number;
    for (let i = 0; i < 300; i++) client.send(message(channel));
    await client.closed;
    assertEquals(server.refusals, [reason]);
  }
});

Deno.test("answers that nobody waits for, and messages to channels that do not exist, change nothing", async () => {
  await using server = await startTestServer({ session: () => ({ shell: () => {} }) });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0) as number;
  const failure = new WireWriter().byte(92).uint32(5).uint32(1).string("x").string("").bytes();
  const others = [
    channelMessage.confirm(channel, 3),
    channelMessage.confirm(77, 3),
    failure,
    channelMessage.data(77, PIECE),
    channelMessage.extendedData(77, PIECE),
    channelMessage.eof(77),
    channelMessage.close(77),
    channelMessage.request(77, "shell"),
    new Uint8Array([81]),
    new Uint8Array([82]),
    new WireWriter().byte(93).uint32(77).uint32(1).bytes(),
    new WireWriter().byte(99).uint32(channel).bytes(),
    new WireWriter().byte(100).uint32(77).bytes(),
  ];
  for (const message of others) client.send(message);
  client.send(channelMessage.request(channel, "shell"));
  assertEquals(await answerOf(client), 99);
});

Deno.test("a client that says nothing to the question whether it is there is cut", async () => {
  await using server = await startTestServer({}, { keepAliveMs: 50 });
  const connected = server.connection();
  await server.raw(); // answers nothing by itself
  await (await connected).closed;
  assertEquals(server.server.connections.size, 0);
});

Deno.test("a client that answers stays, however silent it is otherwise", async () => {
  await using server = await startTestServer({}, { keepAliveMs: 20 });
  const client = await server.raw();
  for (let i = 0; i < 12; i++) {
    const question = await client.receive();
    assertEquals(question?.subarray(5, 26).toString(), "keepalive@openssh.com");
    client.send(new Uint8Array([82]));
  }
  assertEquals(server.server.connections.size, 1);
});

Deno.test("our client leaves a server that answers nothing", async () => {
  await using server = await startTestServer({});
  const client = await server.client({ keepAliveMs: 50 });
  server.mute();
  await client.closed;
});
