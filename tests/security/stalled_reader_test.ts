/**
 * Clients that ask for much and take none of it: what is under way stays bounded, and whoever produces it is held back,
 * also through a relay.
 * @module
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { dialTcp } from "../../src/base/dial.ts";
import { listenOn } from "../../src/base/listen.ts";
import { joinStreams } from "../../src/base/duplex.ts";
import type { ServerSessionChannel } from "../../src/ssh/server_session.ts";
import { PacketWriter } from "../../src/ssh/sftp/packet_writer.ts";
import { OpenFlag } from "../../src/ssh/sftp/protocol.ts";
import { encodeRequest, type Request } from "../../src/ssh/sftp/request.ts";
import { encodeInit } from "../../src/ssh/sftp/response.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import { channelMessage, openRaw, startTestServer } from "../kit/ssh_pair.ts";
import { streamPair } from "../kit/stream_pair.ts";
import { startTestNode } from "../kit/test_node.ts";

const MAX_UNDER_WAY = 16 * 1024 * 1024;
const MAX_GROWTH = 100 * 1024 * 1024;
const STILL_MS = 300;
const PIECE = Buffer.alloc(64 * 1024, "x");

/** Output without end, and how much of it was taken. */
function endless() {
  const made = { bytes: 0 };
  const stream = new Readable({
    read() {
      made.bytes += PIECE.length;
      this.push(PIECE);
    },
  });
  return { made, stream };
}

/** Waits until a number does not change any more. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1;;) {
    const now = value();
    if (now === last) return now;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
  }
}

async function checkHeld(made: { bytes: number }, before: number): Promise<void> {
  const bytes = await settled(() => made.bytes);
  const growth = Deno.memoryUsage().rss - before;
  console.log(`${(bytes / 2 ** 20).toFixed(1)} MiB were taken; memory +${(growth / 2 ** 20).toFixed(1)} MiB`);
  assert(bytes > 0);
  assertLess(bytes, MAX_UNDER_WAY);
  assertLess(growth, MAX_GROWTH);
}

Deno.test("a program whose output nobody takes waits, through a relay, too", async () => {
  const { made, stream } = endless();
  await using node = await startTestServer({
    session: () => ({ exec: (channel: ServerSessionChannel) => void stream.pipe(channel) }),
  });
  await using proxy = await startTestServer({ directTcpip: (_, { port }) => dialTcp("127.0.0.1", port) });
  const outer = await proxy.client();
  const inner = await node.client({ stream: await outer.directTcpip("127.0.0.1", node.port) });
  const before = Deno.memoryUsage().rss;
  const session = await inner.exec("yes");
  session.stream.pause();
  await checkHeld(made, before);
  outer.close();
  await inner.closed;
  stream.destroy();
});

Deno.test("a client that grants a window of 4 GiB and reads nothing holds the program back all the same", async () => {
  const { made, stream } = endless();
  await using node = await startTestServer({
    session: () => ({
      exec: (channel: ServerSessionChannel) => {
        channel.on("error", () => {}); // the client leaves in the middle
        stream.pipe(channel);
      },
    }),
  });
  const client = await node.raw();
  const before = Deno.memoryUsage().rss;
  const channel = await openRaw(client, "session", 0);
  assert(typeof channel === "number");
  client.send(new WireWriter().byte(93).uint32(channel).uint32(0xffff_ffff).bytes());
  client.send(channelMessage.request(channel, "exec", new WireWriter().string("yes").bytes()));
  client.stream.pause();
  await checkHeld(made, before);
  const held = made.bytes;
  client.stream.resume();
  for (let data = 0; data < held;) {
    const message = await client.receive();
    assert(message, "the server hung up");
    if (message[0] === 94) data += message.length - 9; // number, channel, length
  }
  client.close();
  stream.destroy();
});

Deno.test("a forwarded connection whose bytes nobody takes waits, through a relay, too", async () => {
  const { made, stream } = endless();
  const source = await listenOn({ host: "127.0.0.1", port: 0 }, (socket) => {
    socket.on("error", () => {}); // cut at the end
    stream.pipe(socket);
  });
  await using node = await startTestServer({ directTcpip: (_, { port }) => dialTcp("127.0.0.1", port) });
  await using proxy = await startTestServer({ directTcpip: (_, { port }) => dialTcp("127.0.0.1", port) });
  const outer = await proxy.client();
  const inner = await node.client({ stream: await outer.directTcpip("127.0.0.1", node.port) });
  const before = Deno.memoryUsage().rss;
  (await inner.directTcpip("127.0.0.1", source.port)).pause();
  await checkHeld(made, before);
  outer.close();
  await inner.closed;
  stream.destroy();
  source.close();
});

Deno.test("a client that does not read its TCP connection holds the program back", async () => {
  const { made, stream } = endless();
  await using server = await startTestServer({
    session: () => ({ exec: (channel: ServerSessionChannel) => void stream.pipe(channel) }),
  });
  // The relay in between stops when the client does.
  const [ours, relayed] = streamPair();
  const socket: Duplex = connect(server.port, "127.0.0.1");
  const relay = joinStreams(socket, relayed);
  const client = await server.client({ stream: ours });
  const before = Deno.memoryUsage().rss;
  const session = await client.exec("yes");
  ours.pause();
  await checkHeld(made, before);
  session.close();
  client.close();
  ours.destroy();
  await relay;
  stream.destroy();
});

Deno.test("an sftp client that asks for much and reads no answer is held back, and costs no memory", async () => {
  await using node = await startTestNode();
  const client = await node.client();
  const { stream } = await client.subsystem("sftp");
  const before = Deno.memoryUsage().rss;
  stream.pause();
  let sent = 0;
  let wants = true;
  const send = (from: number, ...requests: Request[]) => {
    const writer = new PacketWriter();
    requests.forEach((request, i) => encodeRequest(writer, from + i, request));
    sent += writer.bytes().length;
    wants = stream.write(Buffer.from(writer.bytes()));
  };
  const init = new PacketWriter();
  encodeInit(init);
  stream.write(Buffer.from(init.bytes()));
  const path = new TextEncoder().encode("/dev/zero");
  send(1, { type: "open", path, flags: OpenFlag.READ, attributes: {} });
  const handle = new Uint8Array([0, 0, 0, 1]); // the first that is given out
  const read: Request = { type: "read", handle, offset: 0, length: 32_768 };
  const many = Array.from({ length: 1000 }, () => read);
  stream.on("drain", () => wants = true);
  for (let stuck = 0, id = 2; stuck < 30 && sent < 2 * MAX_UNDER_WAY; id += many.length) {
    stuck = wants ? 0 : stuck + 1;
    if (wants) send(id, ...many);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const growth = Deno.memoryUsage().rss - before;
  console.log(`${(sent / 2 ** 20).toFixed(1)} MiB of requests; memory +${(growth / 2 ** 20).toFixed(1)} MiB`);
  assertLess(sent, MAX_UNDER_WAY);
  assertLess(growth, MAX_GROWTH);
  client.close();
  await client.closed;
  assertEquals(client.open, false);
});
