// The library with its patches comes before ssh2's own modules, as everywhere: they keep references to what it patches.
import { Channel, Client, libraryKey, MAX_WINDOW, sendMessage, Server } from "./library.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import channelModule from "ssh2/lib/Channel.js";
import constantsModule from "ssh2/lib/protocol/constants.js";
import cryptoModule from "ssh2/lib/protocol/crypto.js";
import poly1305Module from "ssh2/lib/protocol/crypto/poly1305.js";
import keyParserModule from "ssh2/lib/protocol/keyParser.js";
import protocolModule from "ssh2/lib/protocol/Protocol.js";
import protocolUtilsModule from "ssh2/lib/protocol/utils.js";
import packageJson from "ssh2/package.json" with { type: "json" };
import { issueCertificate } from "../certificate.ts";
import { usableNames } from "../algorithms.ts";
import { useAeadMaker } from "../cipher.ts";
import { generateKey } from "../private_key.ts";
import { sign } from "../signature.ts";
import { clientAlgorithms, serverAlgorithms } from "./algorithms.ts";
import { acceptHostCertificates, presentHostCertificates, serverHostKeys } from "./host_certificate.ts";
import type { AuthContext, Ssh2Client, Ssh2Connection } from "./internals.ts";
import { HOST_CERTIFICATE_ALGORITHMS } from "./key_patch.ts";
import { certificateLogin } from "./user_certificate.ts";

type Members = Record<string, unknown>;

/** The kind of a member, told apart as far as we lean on it. */
function kind(value: unknown): string {
  if (Buffer.isBuffer(value)) return "buffer";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

function assertKinds(what: string, object: unknown, kinds: Record<string, string>): void {
  const members = object as Members;
  for (const [name, wanted] of Object.entries(kinds)) {
    assertEquals(kind(members[name]), wanted, `${what}.${name}`);
  }
}

const certify = (kind: "user" | "host", key = generateKey()) => ({
  key,
  certificate: issueCertificate(generateKey(), {
    kind,
    key: key.publicKey,
    keyId: "test",
    principals: ["joe"],
    validAfter: 0,
    validBefore: Infinity,
  }),
});

/** A logged-in connection seen from both ends, with what ssh2 handed over on the way. */
interface Pair extends AsyncDisposable {
  client: Ssh2Client;
  server: Ssh2Connection;
  contexts: AuthContext[];
  /** What `_protocol` held when the server's header event came, before the key exchange. */
  early: { onPayload: unknown; hostKeys: unknown; kex: unknown };
}

async function pair(): Promise<Pair> {
  const contexts: AuthContext[] = [];
  const connected = Promise.withResolvers<Omit<Pair, "client" | typeof Symbol.asyncDispose>>();
  const sockets: Socket[] = [];
  const library = new Server(
    { hostKeys: serverHostKeys(certify("host")), algorithms: serverAlgorithms() },
    (server) => {
      const { _onPayload, _hostKeys, _kex } = server._protocol;
      const early = { onPayload: _onPayload, hostKeys: _hostKeys, kex: _kex };
      presentHostCertificates(server);
      server.on("error", () => {}); // torn down at the end
      server.on("authentication", (context: AuthContext) => {
        contexts.push(context);
        context.accept();
      });
      server.on("ready", () => connected.resolve({ server, contexts, early }));
    },
  );
  const listener = createServer((socket) => {
    sockets.push(socket);
    socket.setNoDelay(true);
    library.injectSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  const client = new Client();
  const ready = new Promise<void>((resolve, reject) => {
    client.once("ready", () => resolve());
    client.on("error", reject);
  });
  const sock = connect({ port, host: "127.0.0.1", noDelay: true });
  sockets.push(sock);
  client.connect({
    sock,
    username: "joe",
    algorithms: clientAlgorithms(HOST_CERTIFICATE_ALGORITHMS),
    authHandler: certificateLogin("joe", certify("user"), () => client._protocol, (error) => {
      throw error;
    }),
    hostVerifier: () => {
      accepted();
      return true;
    },
  });
  const accepted = acceptHostCertificates(client._protocol);
  await ready;
  return {
    ...await connected.promise,
    client,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

Deno.test("ssh2 is the version whose internals we know", () => {
  assertEquals(packageJson.version, "1.17.0");
});

Deno.test("the modules export what the patches replace and the library uses", () => {
  assertKinds("crypto", cryptoModule, { createCipher: "function", createDecipher: "function" });
  assertKinds("keyParser", keyParserModule, { parseDERKey: "function", parseKey: "function" });
  assertKinds("constants", constantsModule, { SUPPORTED_SERVER_HOST_KEY: "array" });
  assertKinds("Channel", channelModule, { Channel: "function", MAX_WINDOW: "number", PACKET_SIZE: "number" });
  assertKinds("utils", protocolUtilsModule, { sendPacket: "function" });
  assertKinds("poly1305", { poly1305Module }, { poly1305Module: "function" });
  const { prototype } = protocolModule as { prototype: Members };
  for (
    const name of [
      "authPK",
      "authPKOK",
      "authFailure",
      "authSuccess",
      "disconnect",
      "channelOpenConfirm",
      "channelOpenFail",
      "ping",
    ]
  ) {
    assertEquals(typeof prototype[name], "function", name);
  }
});

Deno.test("the key parser takes the bytes after the type name, and returns failures as errors", () => {
  const { parseDERKey } = keyParserModule as { parseDERKey(data: Uint8Array, type: string): unknown };
  const { blob } = generateKey().publicKey;
  const fields = blob.subarray(4 + "ssh-ed25519".length);
  assertEquals((parseDERKey(fields, "ssh-ed25519") as Members).type, "ssh-ed25519");
  const { key, certificate } = certify("host");
  const afterType = certificate.blob.subarray(4 + certificate.type.length);
  const parsed = parseDERKey(afterType, certificate.type) as {
    verify(data: Buffer, signature: Buffer): boolean;
  };
  const signature = sign(key, blob).subarray(-64);
  assertEquals(parsed.verify(blob, signature), true);
  assertEquals(parsed.verify(blob.subarray(1), signature), false);
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(3), Buffer.from([255, 255, 255, 255])]) {
    assert(parseDERKey(bytes, certificate.type) instanceof Error);
  }
});

Deno.test("host certificate algorithms can be negotiated", () => {
  const { SUPPORTED_SERVER_HOST_KEY } = constantsModule as { SUPPORTED_SERVER_HOST_KEY: string[] };
  for (const name of HOST_CERTIFICATE_ALGORITHMS) assert(SUPPORTED_SERVER_HOST_KEY.includes(name), name);
  new Server({ hostKeys: serverHostKeys(certify("host")), algorithms: serverAlgorithms() }, () => {});
});

Deno.test("every algorithm that we offer is one that ssh2 supports", () => {
  const supported = constantsModule as Record<string, string[]>;
  const [kex, ciphers, macs] = [usableNames("kex"), usableNames("ciphers"), usableNames("macs")];
  for (const name of kex) assert(supported.SUPPORTED_KEX?.includes(name), name);
  for (const name of ciphers) assert(supported.SUPPORTED_CIPHER?.includes(name), name);
  for (const name of macs) assert(supported.SUPPORTED_MAC?.includes(name), name);
  const names = [...kex, ...ciphers, ...macs].join(" ");
  assertEquals(/sha1|cbc|md5|arcfour|3des|zlib|group1-|group14-sha1/.test(names), false);
});

Deno.test("a plain key has the members of a host key object", () => {
  const key = libraryKey(generateKey().publicKey.toLine());
  assertKinds("key", key, {
    type: "string",
    sign: "function",
    getPublicSSH: "function",
    getPrivatePEM: "function",
  });
  assertKinds("key", key, { isPrivateKey: "function", verify: "function" });
});

Deno.test("a connection is announced after the peer's greeting and before the key exchange", async () => {
  await using both = await pair();
  assertEquals(both.early.kex, undefined);
  assertEquals(typeof both.early.onPayload, "function");
  assertEquals(Object.keys(both.early.hostKeys as Members), ["ssh-ed25519-cert-v01@openssh.com"]);
});

Deno.test("a server's connection and its protocol have the members we use", async () => {
  await using both = await pair();
  assertKinds("connection", both.server, {
    _protocol: "object",
    _chanMgr: "object",
    _sock: "object",
    authenticated: "boolean",
    end: "function",
  });
  assertEquals(both.server.authenticated, true);
  assertKinds("table", both.server._chanMgr, {
    add: "function",
    update: "function",
    remove: "function",
    get: "function",
  });
  assertKinds("protocol", both.server._protocol, {
    _kex: "object",
    _strictMode: "boolean",
    _hostKeys: "object",
    _handlers: "object",
    _onPayload: "function",
    _packetRW: "object",
    _server: "boolean",
    disconnect: "function",
    _onPacket: "function",
    _destruct: "function",
    channelOpenConfirm: "function",
    channelOpenFail: "function",
    channelSuccess: "function",
    channelFailure: "function",
    channelClose: "function",
    requestSuccess: "function",
    requestFailure: "function",
    ping: "function",
  });
  for (const name of ["CHANNEL_DATA", "CHANNEL_EXTENDED_DATA", "CHANNEL_EOF", "CHANNEL_CLOSE"]) {
    assertEquals(typeof both.server._protocol._handlers[name], "function", name);
    assertEquals(typeof both.client._protocol._handlers[name], "function", name);
  }
  assertEquals(both.server._protocol._server, true);
  assertEquals(both.server._protocol._strictMode, true);
});

Deno.test("a client's connection and its protocol have the members we use", async () => {
  await using both = await pair();
  assertKinds("client", both.client, {
    _protocol: "object",
    _sock: "object",
    end: "function",
  });
  assertKinds("protocol", both.client._protocol, {
    _authsQueue: "array",
    _onPayload: "function",
    _server: "boolean",
  });
  assertEquals(both.client._protocol._server, false);
});

Deno.test("both ends have one session id, and the negotiated names are where we look for them", async () => {
  await using both = await pair();
  const [client, server] = [both.client._protocol._kex, both.server._protocol._kex];
  assert(client && server);
  assertEquals(client.sessionID, server.sessionID);
  assertEquals(client.sessionID.length, 32);
  for (const { negotiated } of [client, server]) {
    assertMatch(negotiated.serverHostKey, /^ssh-ed25519/);
    assertMatch(negotiated.kex, /^curve25519-sha256/);
    assertEquals(typeof negotiated.cs.cipher, "string");
    assertEquals(typeof negotiated.sc.cipher, "string");
  }
});

Deno.test("a publickey login hands over the key as it was sent, the signature and the signed bytes", async () => {
  await using both = await pair();
  const [context] = both.contexts;
  assertKinds("context", context, {
    method: "string",
    username: "string",
    service: "string",
    key: "object",
    signature: "buffer",
    blob: "buffer",
    accept: "function",
    reject: "function",
  });
  const { key, blob } = context as unknown as { key: { algo: string; data: Buffer }; blob: Buffer };
  assertEquals(key.algo, "ssh-ed25519-cert-v01@openssh.com");
  assertKinds("key", key, { data: "buffer" });
  const sessionId = both.server._protocol._kex?.sessionID ?? Buffer.alloc(0);
  assertEquals(blob.subarray(4, 4 + sessionId.length), sessionId);
});

Deno.test("every message after the key exchange goes through _onPayload, which the gate replaces", async () => {
  await using both = await pair();
  const seen = Promise.withResolvers<number | undefined>();
  const protocol = both.server._protocol;
  // The decipher keeps the function that was there when its keys were made: a later change must not be seen ...
  let late = false;
  const before = protocol._onPayload;
  protocol._onPayload = (payload) => {
    late = true;
    return before(payload);
  };
  const { DEBUG } = protocol._handlers;
  assertEquals(typeof DEBUG === "function" || DEBUG === undefined, true);
  protocol._handlers.GLOBAL_REQUEST = () => seen.resolve(80);
  both.client._protocol.ping();
  assertEquals(await seen.promise, 80);
  assertEquals(late, false, "the gate must be installed before the key exchange");
});

Deno.test("a channel of ours is one of ssh2's, and moves bytes both ways", async () => {
  await using both = await pair();
  const end = (id: number) => ({ id, window: MAX_WINDOW, packetSize: 32768, state: "open" });
  const make = (connection: Ssh2Connection, server: boolean) => {
    const id = connection._chanMgr.add();
    const channel = new Channel(connection, { type: "session", incoming: end(id), outgoing: end(0) }, {
      server,
    });
    connection._chanMgr.update(id, channel);
    assertEquals(connection._chanMgr.get(id), channel);
    assertEquals(connection._chanMgr._count, 1);
    return channel;
  };
  const [there, here] = [make(both.server, true), make(both.client, false)];
  assertKinds("server channel", there, {
    incoming: "object",
    outgoing: "object",
    _callbacks: "array",
    exit: "function",
    close: "function",
    stderr: "object",
    write: "function",
  });
  assertKinds("client channel", here, { close: "function", stderr: "object", _callbacks: "array" });
  here.write("ping");
  const [ping] = await once(there, "data");
  assertEquals(String(ping), "ping");
  assertEquals(there.incoming.window, MAX_WINDOW - 4);
  there.stderr.write("pong");
  const [pong] = await once(here.stderr, "data");
  assertEquals(String(pong), "pong");
  const answered = new Promise<boolean>((resolve) => here._callbacks.push(resolve));
  both.server._protocol.channelFailure(0);
  assertEquals(await answered, true);
  const closed = once(here, "close");
  here.resume();
  there.end();
  await closed;
  assertEquals(here.incoming.state, "closed");
  assertEquals(both.client._chanMgr._count, 0);
});

Deno.test("a function in the channel table stands for a channel that was asked for, and hears of the end", async () => {
  const both = await pair();
  const told = Promise.withResolvers<Error | undefined>();
  both.client._chanMgr.add(Object.assign((error?: Error) => told.resolve(error), { type: "session" }));
  const closed = once(both.client, "close");
  await both[Symbol.asyncDispose]();
  await closed;
  assert(await told.promise instanceof Error);
  assertEquals(both.client._protocol._destruct, undefined);
});

Deno.test("a message of our own is sent through the packet writer", async () => {
  await using both = await pair();
  const { write } = both.client._protocol._packetRW;
  assertKinds("writer", write, { allocStart: "number", alloc: "function", finalize: "function" });
  const gone = new Promise<void>((resolve) => both.server.once("close", () => resolve()));
  sendMessage(both.client._protocol, Buffer.from([1, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0]));
  await gone;
});

Deno.test("ciphers are made through the functions that we replace, with the settings that we read", async () => {
  const asked: string[] = [];
  useAeadMaker({
    name: "spy",
    make(cipher, key, iv, encrypt) {
      asked.push(`${cipher} ${key.length} ${kind(iv)} ${encrypt}`);
      return undefined;
    },
  });
  try {
    await using both = await pair();
    assertEquals(both.server.authenticated, true);
  } finally {
    useAeadMaker(undefined);
  }
  assertEquals(asked.toSorted(), [
    "aes-128-gcm 16 buffer false",
    "aes-128-gcm 16 buffer false",
    "aes-128-gcm 16 buffer true",
    "aes-128-gcm 16 buffer true",
  ]);
});
