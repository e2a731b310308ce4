import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { answerOf, channelMessage, startTestServer } from "../../tests/kit/ssh_pair.ts";
import { streamPair, textOf } from "../../tests/kit/stream_pair.ts";
import { AppError } from "../base/errors.ts";
import type { OnIncoming } from "./server_forwards.ts";
import { WireReader, WireWriter } from "./wire.ts";

/** A server that listens in name only; a test plays those who connect. */
async function listeningServer(limits = {}) {
  const bound = new Map<string, OnIncoming>();
  const closed: string[] = [];
  const listen = (name: string, onIncoming: OnIncoming, port?: number) => {
    bound.set(name, onIncoming);
    return Promise.resolve({
      port,
      close() {
        bound.delete(name);
        closed.push(name);
      },
    });
  };
  const server = await startTestServer({
    listenTcp: (_connection, { address, port }, onIncoming) => {
      if (port === 22) throw new AppError("access_denied", "ports below 1024 are for root");
      return listen(`${address}:${port}`, onIncoming, port || 40_000 + bound.size);
    },
    listenStreamlocal: (_connection, path, onIncoming) => {
      if (path === "/taken") throw new AppError("already_exists", "there is a file of that name");
      return listen(path, onIncoming);
    },
  }, limits);
  return Object.assign(server, { bound, closed });
}

const origin = { address: "127.0.0.1", port: 5 };
const refuseAll = () => Promise.reject(new AppError("unavailable", "nothing to connect to"));

Deno.test("a connection that comes in to a forward reaches the client with its origin, and bytes go both ways", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  const [ours, target] = streamPair();
  const origins: unknown[] = [];
  const forward = await client.forwardRemote("localhost", 8080, (from) => {
    origins.push(from);
    return Promise.resolve(ours);
  });
  assertEquals(forward.port, 8080);
  const [visitor, incoming] = streamPair();
  server.bound.get("localhost:8080")?.(incoming, origin);
  visitor.end("question");
  assertEquals(await textOf(target), "question");
  target.end("answer");
  assertEquals(await textOf(visitor), "answer");
  assertEquals(origins, [origin]);
});

Deno.test("port 0 gives the port, cancelling names it, and what is cancelled is over", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  const forward = await client.forwardRemote("", 0, refuseAll);
  assertEquals(forward.port, 40_000);
  assertEquals([...server.bound.keys()], [":0"]);
  await forward.close();
  assertEquals(server.closed, [":0"]);
  const error = await assertRejects(() => forward.close(), AppError);
  assertEquals(
    error.message,
    "the server refused to stop listening on port 40000: there is no forward of :40000",
  );
});

Deno.test("what the server cannot bind is refused with its reason, and so is a forward that is there already", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  const refused = (what: () => Promise<unknown>, reason: string) => assertRejects(what, AppError, reason);
  await refused(
    () => client.forwardRemote("", 22, refuseAll),
    "listen on *:22: ports below 1024 are for root",
  );
  await refused(() => client.forwardRemoteSocket("/taken", refuseAll), "there is a file of that name");
  await client.forwardRemote("", 8080, refuseAll);
  await refused(() => client.forwardRemote("", 8080, refuseAll), "has that forward already");
});

Deno.test("a client has at most 64 forwards", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  for (let i = 0; i < 64; i++) await client.forwardRemote("", 2000 + i, refuseAll);
  await assertRejects(() => client.forwardRemote("", 3000, refuseAll), AppError, "64 are allowed");
  await assertRejects(() => client.forwardRemoteSocket("/s", refuseAll), AppError, "64 are allowed");
});

Deno.test("forwards end with their connection, also one that is only being made", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  await client.forwardRemote("", 8080, refuseAll);
  await client.forwardRemoteSocket("/run/s", refuseAll);
  const connected = [...server.server.connections].map(({ closed }) => closed);
  client.close();
  await Promise.all(connected);
  assertEquals(server.closed.toSorted(), ["/run/s", ":8080"]);
});

Deno.test("a socket of the file system is forwarded as a port is", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  const [ours, target] = streamPair();
  const forward = await client.forwardRemoteSocket("/run/s", () => Promise.resolve(ours));
  const [visitor, incoming] = streamPair();
  server.bound.get("/run/s")?.(incoming, { address: "", port: 0 });
  visitor.end("question");
  assertEquals(await textOf(target), "question");
  target.end("answer");
  assertEquals(await textOf(visitor), "answer");
  await forward.close();
  assertEquals(server.closed, ["/run/s"]);
});

Deno.test("a connection that the client does not take is closed, and the next one is served", async () => {
  await using server = await listeningServer();
  const client = await server.client();
  let tries = 0;
  await client.forwardRemote("", 8080, () => {
    tries++;
    return refuseAll();
  });
  for (let i = 0; i < 2; i++) {
    const [visitor, incoming] = streamPair();
    visitor.on("error", () => {}); // closed by the server
    const gone = once(incoming, "close");
    server.bound.get(":8080")?.(incoming, origin);
    await gone;
  }
  assertEquals(tries, 2);
  assertEquals(client.open, true);
});

Deno.test("a connection that is announced right behind the answer finds the forward", async () => {
  const [visitor, incoming] = streamPair();
  await using server = await startTestServer({
    listenTcp: async (_connection, _bind, onIncoming) => {
      const announce = async () => {
        for (let i = 0; i < 20; i++) await null; // the answer goes first, in the same turn
        onIncoming(incoming, origin);
      };
      void announce();
      return await Promise.resolve({ port: 9999, close() {} });
    },
  });
  const client = await server.client();
  const [ours, target] = streamPair();
  await client.forwardRemote("", 9999, () => Promise.resolve(ours));
  visitor.end("hello");
  assertEquals(await textOf(target), "hello");
});

Deno.test("global requests are answered one by one in their order, whatever each takes", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startTestServer({
    listenTcp: (_connection, { port }) => promise.then(() => ({ port: port || 7, close() {} })),
  });
  const client = await server.raw();
  const bind = (port: number) => new WireWriter().string("").uint32(port).bytes();
  client.send(channelMessage.global("tcpip-forward", bind(0)));
  client.send(channelMessage.global("keepalive@openssh.com"));
  client.send(channelMessage.global("tcpip-forward", bind(8080)));
  client.send(channelMessage.global("tcpip-forward", bind(8081), false)); // wants no answer
  client.send(channelMessage.global("cancel-tcpip-forward", bind(8080)));
  client.send(channelMessage.global("cancel-tcpip-forward", bind(8080)));
  client.send(channelMessage.global("hostkeys-prove-00@openssh.com", new Uint8Array([0, 0, 0, 0])));
  resolve();
  const first = new WireReader(await client.receive() ?? Buffer.alloc(0));
  assertEquals([first.byte(), first.uint32(), first.remaining], [81, 7, 0]);
  const rest: (number | undefined)[] = [];
  for (let i = 0; i < 5; i++) rest.push(await answerOf(client));
  assertEquals(rest, [82, 81, 81, 82, 82]);
});

Deno.test("a port that is none is refused, and a request that is cut off ends the connection", async () => {
  await using server = await listeningServer();
  const client = await server.raw();
  client.send(channelMessage.global("tcpip-forward", new WireWriter().string("").uint32(70_000).bytes()));
  assertEquals(await answerOf(client), 82);
  assertEquals(server.bound.size, 0);
  client.send(channelMessage.global("tcpip-forward", new Uint8Array([0, 0, 0, 9, 1])));
  await client.closed;
  assert(server.refusals[0]?.includes("too early"));
});
