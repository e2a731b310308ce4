import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../base/errors.ts";
import { issueCertificate } from "./certificate.ts";
import { connectSsh, type SshClient } from "./client.ts";
import { generateKey } from "./private_key.ts";
import { SshServer } from "./server.ts";
import type { ForwardTarget } from "./server_channels.ts";

const SIZE = 8 * 1024 * 1024;

async function listen(onSocket: (socket: Socket) => void, closers: (() => Promise<void>)[]): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // cut at the end
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as { port: number }).port;
}

interface Forwarder extends AsyncDisposable {
  client: SshClient;
}

/** A client logged in to a server that forwards to `onTarget`, or as `route` says. */
async function start(
  onTarget: (socket: Socket) => void,
  route?: (target: ForwardTarget) => Promise<Duplex>,
): Promise<Forwarder> {
  const closers: (() => Promise<void>)[] = [];
  const port = await listen(onTarget, closers);
  const dialTarget = () =>
    new Promise<Duplex>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => resolve(socket));
    });
  const [ca, key] = [generateKey(), generateKey()];
  const certificate = (kind: "user" | "host") => {
    const validity = { validAfter: 0, validBefore: Infinity };
    return issueCertificate(ca, { kind, key: key.publicKey, keyId: "x", principals: ["joe"], ...validity });
  };
  const server = new SshServer<string>({
    hostCredential: { key, certificate: certificate("host") },
    authenticator: { certificate: () => "joe" },
    routes: { directTcpip: (_connection, target) => route ? route(target) : dialTarget() },
  });
  const sshPort = await listen((socket) => server.accept(socket), closers);
  const client = await connectSsh({
    stream: connect(sshPort, "127.0.0.1"),
    username: "joe",
    credential: { key, certificate: certificate("user") },
    verifyHost: () => {},
  });
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      for (const close of closers) await close();
    },
  };
}

async function sizeOf(stream: Duplex): Promise<number> {
  let size = 0;
  for await (const chunk of stream) size += chunk.length;
  return size;
}

Deno.test("what a target sends after the client has ended its own direction arrives whole", async () => {
  await using forwarder = await start((socket) => {
    socket.resume();
    socket.once("end", () => socket.end(new Uint8Array(SIZE)));
  });
  const channel = await forwarder.client.directTcpip("target", 1);
  channel.end("question");
  assertEquals(await sizeOf(channel), SIZE);
});

Deno.test("what a client sends after the target has ended its own direction arrives whole", async () => {
  const received = Promise.withResolvers<number>();
  await using forwarder = await start((socket) => {
    socket.end("bye");
    received.resolve(sizeOf(socket));
  });
  const channel = await forwarder.client.directTcpip("target", 1);
  channel.resume();
  await once(channel, "end");
  channel.end(new Uint8Array(SIZE));
  assertEquals(await received.promise, SIZE);
});

Deno.test("the target is the one asked for, and a refusal's reason reaches the client", async () => {
  const asked: ForwardTarget[] = [];
  await using forwarder = await start(() => {}, (target) => {
    asked.push(target);
    return Promise.reject(new AppError("access_denied", "joe may not go there"));
  });
  await assertRejects(() => forwarder.client.directTcpip("::1", 22), AppError, "joe may not go there");
  assertEquals(asked, [{ host: "::1", port: 22, originAddress: "127.0.0.1", originPort: 0 }]);
});

Deno.test("a failure that is no AppError refuses the one forward and not the connection", async () => {
  let tries = 0;
  await using forwarder = await start(() => {}, () => {
    tries++;
    return Promise.reject(new Error("a bug"));
  });
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => forwarder.client.directTcpip("target", 1), AppError, "the connection failed");
  }
  assertEquals(tries, 3);
  assertEquals(forwarder.client.open, true);
});
