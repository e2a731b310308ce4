/**
 * An SSH server of ours on a free port with routes that a test chooses, and clients of every kind for it.
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { issueCertificate } from "../../src/ssh/certificate.ts";
import { type ConnectOptions, connectSsh, type SshClient } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { type Routes, type ServerConnection, type ServerLimits, SshServer } from "../../src/ssh/server.ts";
import { WireReader, WireWriter } from "../../src/ssh/wire.ts";
import { MESSAGE, publicKeyRequest, type RawClient, rawClient } from "./raw_ssh.ts";
import { streamPair } from "./stream_pair.ts";

const LOGIN = "joe";

export interface TestServer extends AsyncDisposable {
  readonly server: SshServer<string>;
  readonly port: number;
  /** Why connections were cut. */
  readonly refusals: string[];
  /** The next connection that logs in. */
  connection(): Promise<ServerConnection<string>>;
  client(options?: Partial<ConnectOptions>): Promise<SshClient>;
  /** A client that is logged in and sends what a test wants; over a stream in memory, whose buffers are small. */
  raw(): Promise<RawClient & { readonly stream: Duplex }>;
  /** From now on the server hears nothing: its connections stand, but it is stuck. */
  mute(): void;
}

export async function startTestServer(
  routes: Routes<string>,
  limits: Partial<ServerLimits> = {},
): Promise<TestServer> {
  const [ca, key] = [generateKey(), generateKey()];
  const certificate = (kind: "user" | "host") =>
    issueCertificate(ca, {
      kind,
      key: key.publicKey,
      keyId: "x",
      principals: [LOGIN],
      validAfter: 0,
      validBefore: Infinity,
    });
  const refusals: string[] = [];
  const sockets = new Set<Socket>();
  const accepted = new Set<Socket>();
  let announce = (_connection: ServerConnection<string>) => {};
  const server = new SshServer<string>({
    hostCredential: { key, certificate: certificate("host") },
    authenticator: { certificate: () => LOGIN },
    routes,
    limits,
    onConnection: (connection) => announce(connection),
    onRefused: (_remote, reason) => void refusals.push(reason),
  });
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    accepted.add(socket);
    socket.on("error", () => {}); // cut at the end
    server.accept(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  const dial = () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {}); // cut at the end
    sockets.add(socket);
    return socket;
  };
  const user = certificate("user");
  return {
    server,
    port,
    refusals,
    connection: () => new Promise((resolve) => announce = resolve),
    client: (options) =>
      connectSsh({
        stream: dial(),
        username: LOGIN,
        credential: { key, certificate: user },
        verifyHost: () => {},
        ...options,
      }),
    async raw() {
      const [stream, accepted] = streamPair();
      server.accept(accepted, { address: "memory", port: 0 });
      const client = await rawClient(stream as Socket);
      const offer = { user: LOGIN, algorithm: user.type, blob: user.blob, signer: key };
      client.send(publicKeyRequest(client, offer));
      const answer = await client.receive();
      if (answer?.[0] !== MESSAGE.userauthSuccess) throw new Error("the raw client could not log in");
      return Object.assign(client, { stream });
    },
    mute: () => accepted.forEach((socket) => socket.pause()),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await server.close();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

/** The messages of channels (RFC 4254), field by field. */
export const channelMessage = {
  open: (
    type: string,
    sender: number,
    fields: Uint8Array = new Uint8Array(),
    window = 2 ** 21,
    packet = 32768,
  ) =>
    new WireWriter().byte(90).string(type).uint32(sender).uint32(window).uint32(packet).raw(fields).bytes(),
  confirm: (recipient: number, sender: number, window = 2 ** 21, packet = 32768) =>
    new WireWriter().byte(91).uint32(recipient).uint32(sender).uint32(window).uint32(packet).bytes(),
  data: (recipient: number, data: Uint8Array) =>
    new WireWriter().byte(94).uint32(recipient).string(data).bytes(),
  extendedData: (recipient: number, data: Uint8Array) =>
    new WireWriter().byte(95).uint32(recipient).uint32(1).string(data).bytes(),
  eof: (recipient: number) => new WireWriter().byte(96).uint32(recipient).bytes(),
  close: (recipient: number) => new WireWriter().byte(97).uint32(recipient).bytes(),
  request: (recipient: number, type: string, fields: Uint8Array = new Uint8Array(), wantReply = true) =>
    new WireWriter().byte(98).uint32(recipient).string(type).boolean(wantReply).raw(fields).bytes(),
  global: (name: string, fields: Uint8Array = new Uint8Array(), wantReply = true) =>
    new WireWriter().byte(80).string(name).boolean(wantReply).raw(fields).bytes(),
};

/** Opens a channel with a raw client. @returns the server's number for it, or its reason for a refusal */
export async function openRaw(
  client: RawClient,
  type: string,
  sender: number,
  fields?: Uint8Array,
): Promise<number | string> {
  client.send(channelMessage.open(type, sender, fields));
  const answer = await client.receive();
  const reader = new WireReader(answer ?? Buffer.alloc(0));
  const number = reader.byte();
  reader.uint32(); // our own number
  if (number === 91) return reader.uint32();
  reader.uint32(); // the reason's number
  return reader.text();
}

/** The next answer of the server that is no debug message and no window. */
export async function answerOf(client: RawClient): Promise<number | undefined> {
  for (;;) {
    const message = await client.receive();
    if (message?.[0] !== 93) return message?.[0];
  }
}
