import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { dialTcp } from "./dial.ts";
import { BORROW, flow, isLender, LEND, receive } from "./lending.ts";
import { listenOn } from "./listen.ts";

/** A server that runs `serve` on each connection, and a way to it. */
async function serving(serve: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const listener = await listenOn({ host: "127.0.0.1", port: 0 }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  return {
    dial: async () => {
      const socket = await dialTcp("127.0.0.1", listener.port);
      sockets.push(socket);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(
        sockets.map((socket) => socket.closed || new Promise((done) => socket.once("close", done))),
      );
      listener.close();
    },
  };
}

/** Writes pieces of many sizes, all bytes of one value, then ends. */
function send(socket: Socket, value: number, pieces: number): number {
  let total = 0;
  const sizes = Array.from({ length: pieces }, (_, i) => 1 + (i * 7919) % 150_000);
  for (const size of sizes) total += size;
  const go = () => {
    for (let size = sizes.shift(); size !== undefined; size = sizes.shift()) {
      if (!socket.write(Buffer.alloc(size, value))) return void socket.once("drain", go);
    }
    socket.end();
  };
  go();
  return total;
}

Deno.test("sockets that share their memory never see each other's bytes", async () => {
  await using server = await serving((socket) =>
    socket.once("data", (first) => void send(socket, first[0] ?? 0, 60))
  );
  const checks = Array.from({ length: 30 }, async (_, value) => {
    const socket = await server.dial();
    assert(isLender(socket));
    let wrong = 0, got = 0, paused = 0;
    const more = receive(socket, (piece) => {
      got += piece.length;
      if (!piece.every((byte) => byte === value)) wrong++;
      piece.fill(255); // the memory is ours during the call, and nobody's afterwards
      if (++paused % 7 !== 0) return true;
      setTimeout(() => more(), 0);
      return false;
    });
    socket.write(Buffer.from([value]));
    await new Promise((done) => socket.once("end", done));
    return { wrong, got };
  });
  const sizes = Array.from({ length: 60 }, (_, i) => 1 + (i * 7919) % 150_000).reduce((a, b) => a + b, 0);
  for (const check of await Promise.all(checks)) assertEquals(check, { wrong: 0, got: sizes });
});

Deno.test("accepted sockets lend as well, and know both addresses", async () => {
  const seen = Promise.withResolvers<Socket>();
  await using server = await serving(seen.resolve);
  const socket = await server.dial();
  const accepted = await seen.promise;
  assert(isLender(accepted));
  assertEquals(accepted.remotePort, socket.localPort);
  assertEquals(accepted.remoteAddress, "127.0.0.1");
  let text = "";
  accepted[LEND]((piece) => {
    text += new TextDecoder().decode(piece);
    return true;
  });
  accepted.resume();
  socket.end("hello");
  await new Promise((done) => accepted.once("end", done));
  assertEquals(text, "hello");
});

Deno.test("without a borrower a lending socket is a usual stream, and what it held comes before what it lends", async () => {
  await using server = await serving((socket) => void send(socket, 1, 40));
  const socket = await server.dial();
  await new Promise((done) => socket.once("readable", done));
  const held = socket.readableLength;
  assert(held > 0);
  let got = 0;
  receive(socket, (piece) => {
    got += piece.length;
    return true;
  });
  await new Promise((done) => socket.once("end", done));
  assertEquals(
    got,
    Array.from({ length: 40 }, (_, i) => 1 + (i * 7919) % 150_000).reduce((a, b) => a + b, 0),
  );
});

Deno.test("data flows between sockets no faster than the slower one takes it, and its end follows", async () => {
  const total = Promise.withResolvers<number>();
  await using source = await serving((socket) => total.resolve(send(socket, 5, 400)));
  let got = 0, wrong = 0;
  const ended = Promise.withResolvers<void>();
  await using sink = await serving((socket) => {
    socket.on("data", (chunk) => {
      got += chunk.length;
      if (!chunk.every((byte) => byte === 5)) wrong++;
      socket.pause();
      setTimeout(() => socket.resume(), 0);
    });
    socket.once("end", ended.resolve);
  });
  const from = await source.dial(), to = await sink.dial();
  let most = 0;
  const borrow = (to as unknown as { [BORROW](piece: Uint8Array): boolean })[BORROW];
  Object.assign(to, {
    [BORROW](piece: Uint8Array) {
      most = Math.max(most, to.writableLength);
      return borrow(piece);
    },
  });
  flow(from, to);
  await ended.promise;
  assertEquals({ got, wrong }, { got: await total.promise, wrong: 0 });
  assert(most < 1024 * 1024, `${most} bytes waited`);
});

Deno.test("streams that neither lend nor borrow are joined as well", async () => {
  const from = new PassThrough(), to = new PassThrough();
  flow(from, to);
  from.write("one ");
  from.end("two");
  let text = "";
  for await (const chunk of to) text += chunk;
  assertEquals(text, "one two");
});
