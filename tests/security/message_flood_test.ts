/**
 * Floods of messages that cost their sender nothing (CVE-2025-26466), from either side and at every stage: what they make
 * us keep is bounded, and where they have no place they end the connection.
 * @module
 */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../src/base/errors.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { clientAlgorithms, serverAlgorithms } from "../../src/ssh/ssh2/algorithms.ts";
import { sendMessage } from "../../src/ssh/ssh2/library.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import { rawServer } from "../kit/raw_server.ts";
import { rawClient, startSpyServer } from "../kit/raw_ssh.ts";
import { answerOf, channelMessage, startTestServer } from "../kit/ssh_pair.ts";
import { certify } from "../kit/ssh_keys.ts";
import { streamPair } from "../kit/stream_pair.ts";
import { plainPacket } from "../kit/tampering.ts";

const COUNT = 20_000;
const MAX_GROWTH = 64 * 1024 * 1024;
const text = "x".repeat(200);

const FLOODS: Readonly<Record<string, Uint8Array>> = {
  ignore: new WireWriter().byte(2).string(text).bytes(),
  unimplemented: new WireWriter().byte(3).uint32(1).bytes(),
  debug: new WireWriter().byte(4).boolean(true).string(text).string("").bytes(),
  ping: new WireWriter().byte(192).string(text).bytes(),
  "global requests": channelMessage.global("ping"),
  "global requests without an answer": channelMessage.global("tcpip-forward-not", undefined, false),
};

const turn = () => new Promise((resolve) => setTimeout(resolve));

/** Sends until it is told to stop. @returns how many */
async function flood(send: () => void, over: () => boolean, count = COUNT): Promise<number> {
  let sent = 0;
  for (; sent < count && !over(); sent++) {
    send();
    if (sent % 100 === 0) await turn();
  }
  return sent;
}

function ending(closed: Promise<unknown>): () => boolean {
  let over = false;
  closed.then(() => over = true);
  return () => over;
}

for (const [what, message] of Object.entries(FLOODS)) {
  Deno.test(`a client that floods with ${what} before the login is cut`, async () => {
    await using server = await startSpyServer();
    const client = await rawClient(await server.dial());
    const sent = await flood(() => client.send(message), ending(client.closed));
    await client.closed;
    assertLess(sent, COUNT);
    assert(/too many messages|not allowed before/.test(server.refusals[0] ?? ""), server.refusals[0]);
  });

  Deno.test(`a server that floods with ${what} before the login is left`, async () => {
    const [ours, theirs] = streamPair();
    const key = generateKey();
    const credential = { key, certificate: certify(key, "user", key, ["joe"]) };
    const login = connectSsh({ stream: ours, username: "joe", credential, verifyHost: () => {} });
    const refused = assertRejects(() => login, AppError, "the server broke the protocol");
    const library = await rawServer(theirs, false);
    const over = () => library?._protocol._destruct === undefined || ours.destroyed;
    const sent = await flood(() => library && !over() && sendMessage(library._protocol, message), over);
    await refused;
    assertLess(sent, COUNT);
  });
}

/** A KEXINIT of a client; strict key exchange lets nothing else in, so both kinds are tried. */
function kexInit(strict: boolean): Uint8Array {
  const writer = new WireWriter().byte(20).raw(new Uint8Array(16))
    .string(`curve25519-sha256${strict ? ",kex-strict-c-v00@openssh.com" : ""}`)
    .string("ssh-ed25519-cert-v01@openssh.com");
  for (const list of ["aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com", "none", ""]) {
    writer.string(list).string(list);
  }
  return writer.boolean(false).uint32(0).bytes();
}

for (const strict of [true, false]) {
  for (const [what, message] of Object.entries(FLOODS)) {
    Deno.test(`a flood of ${what} in the middle of a ${strict ? "strict " : ""}key exchange is cut`, async () => {
      await using server = await startSpyServer();
      const stream = await server.dial();
      stream.resume();
      const closed = new Promise((resolve) => stream.once("close", resolve));
      stream.write(Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), plainPacket(kexInit(strict))]));
      const packet = Buffer.concat(Array.from({ length: 10 }, () => plainPacket(message)));
      const sent = await flood(() => stream.writable && stream.write(packet), ending(closed));
      await closed;
      assertLess(sent, COUNT);
      assertEquals(server.connections, []);
    });
  }
}

Deno.test("messages that mean nothing cost nothing after the login, however many", async () => {
  await using server = await startTestServer({});
  const client = await server.raw();
  const run = async () => {
    for (const what of ["ignore", "unimplemented", "debug"]) {
      const message = FLOODS[what] ?? new Uint8Array();
      await flood(() => client.send(message), () => false, 3000);
    }
    client.send(channelMessage.global("ping"));
    assertEquals(await answerOf(client), 82);
  };
  await run();
  const before = Deno.memoryUsage().rss;
  await run();
  assertLess(Deno.memoryUsage().rss - before, MAX_GROWTH);
});

/** Sends to somebody whose answers are not read. */
async function deafFlood(send: () => void, deaf: Duplex, closed: Promise<unknown>): Promise<void> {
  deaf.pause();
  const sent = await flood(send, ending(closed));
  assertLess(sent, COUNT);
  await closed;
}

for (const what of ["global requests", "global requests without an answer"]) {
  const message = FLOODS[what] ?? new Uint8Array();
  Deno.test(`a client that floods with ${what} after the login and reads nothing is cut`, async () => {
    await using server = await startTestServer({});
    const connected = server.connection();
    const client = await server.raw();
    await deafFlood(() => client.send(message), client.stream, (await connected).closed);
    assertEquals(server.refusals, ["more than 5000 answers wait for a peer that does not read"]);
  });

  Deno.test(`a server that floods with ${what} after the login and reads nothing is left`, async () => {
    const [ours, theirs] = streamPair();
    const key = generateKey();
    const credential = { key, certificate: certify(key, "user", key, ["joe"]) };
    const [client, library] = await Promise.all([
      connectSsh({ stream: ours, username: "joe", credential, verifyHost: () => {} }),
      rawServer(theirs, true),
    ]);
    assert(library);
    const send = () => {
      if (library._protocol._destruct !== undefined) sendMessage(library._protocol, message);
    };
    await deafFlood(send, theirs, client.closed);
  });
}

Deno.test("a client that begins new keys and goes on with anything else is cut", async () => {
  await using server = await startTestServer({});
  const connected = server.connection();
  const client = await server.raw();
  const { closed } = await connected;
  client.send(kexInit(true));
  const sent = await flood(() => client.send(channelMessage.global("ping")), ending(closed));
  await closed;
  assertLess(sent, COUNT);
});

/** Sends bytes one by one, for as long as it may. */
async function trickle(stream: Socket, bytes: Uint8Array): Promise<void> {
  const closed = new Promise((resolve) => stream.once("close", resolve));
  const over = ending(closed);
  stream.resume();
  for (let at = 0; !over(); at = (at + 1) % bytes.length) {
    if (stream.writable) stream.write(bytes.subarray(at, at + 1));
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 10))]);
  }
}

Deno.test("an identification line, and a key exchange, that come byte by byte end at the grace time", async () => {
  await using server = await startSpyServer({ loginGraceMs: 300 });
  await trickle(await server.dial(), Buffer.from("SSH-2.0-".padEnd(200, "x")));
  const stream = await server.dial();
  stream.write("SSH-2.0-OpenSSH_9.9\r\n");
  await trickle(stream, plainPacket(kexInit(true)));
  assertEquals(new Set(server.refusals), new Set(["no login within the grace time"]));
  assertEquals(server.refusals.length, 2);
});

Deno.test("neither side offers compression", () => {
  assertEquals([serverAlgorithms().compress, clientAlgorithms([]).compress], [["none"], ["none"]]);
});
