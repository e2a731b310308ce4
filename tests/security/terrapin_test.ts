/**
 * CVE-2023-48795: a man in the middle injects messages before the keys are in use and drops as many after it. Strict key
 * exchange makes both sides notice; a peer without it gets only ciphers that the attack does not touch.
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../src/base/errors.ts";
import { type Algorithms, DEFAULT_ALGORITHMS, useAlgorithms } from "../../src/ssh/algorithms.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { serverAlgorithms } from "../../src/ssh/ssh2/algorithms.ts";
import { presentHostCertificates, serverHostKeys } from "../../src/ssh/ssh2/host_certificate.ts";
import type { AuthContext, Ssh2Connection } from "../../src/ssh/ssh2/internals.ts";
import { withLists } from "../../src/ssh/ssh2/kex_patch.ts";
import { Server } from "../../src/ssh/ssh2/library.ts";
import { knowsStrictKex } from "../../src/ssh/ssh2/strict_kex.ts";
import { WireReader, WireWriter } from "../../src/ssh/wire.ts";
import { EchoServer } from "../kit/echo_server.ts";
import { faultyPair } from "../kit/fault_stream.ts";
import { LOGIN } from "../kit/machine.ts";
import { certifyUser, rawClient, type RawOffer, startSpyServer } from "../kit/raw_ssh.ts";
import { certify, makeKey } from "../kit/ssh_keys.ts";
import { Sshd } from "../kit/sshd.ts";
import { type Attack, standBetween, type Toward } from "../kit/tampering.ts";

const CHACHA = "chacha20-poly1305@openssh.com";
const GCM = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
const [KEXINIT, NEWKEYS, KEXDH_INIT, KEXDH_REPLY] = [20, 21, 30, 31];

const IGNORE = new WireWriter().byte(2).string("").bytes();
const INJECTED: Readonly<Record<string, Uint8Array>> = {
  IGNORE,
  DEBUG: new WireWriter().byte(4).boolean(false).string("").string("").bytes(),
  UNIMPLEMENTED: new WireWriter().byte(3).uint32(0).bytes(),
  EXT_INFO: new WireWriter().byte(7).uint32(0).bytes(),
  "a message of no known kind": new Uint8Array([200]),
  "an empty packet": new Uint8Array(),
};

/** Each message, before each message of the first key exchange, toward one side. */
function attacks(toward: Toward): [string, Attack][] {
  const places = { KEXINIT, NEWKEYS, ...(toward === "client" ? { KEXDH_REPLY } : { KEXDH_INIT }) };
  return Object.entries(INJECTED).flatMap(([what, inject]) =>
    Object.entries(places).map(([where, before]): [string, Attack] => [
      `${what} before ${where} toward the ${toward}`,
      { toward, inject, before, dropFirst: what === "IGNORE" }, // the attack itself; the others are just too much
    ])
  );
}

/** Takes the marker of strict key exchange out of a side's KEXINIT. */
function withoutMarker(payload: Buffer): Buffer {
  if (payload[0] !== KEXINIT) return payload;
  const reader = new WireReader(payload.subarray(17));
  const names = reader.text().split(",").filter((name) => !name.startsWith("kex-strict-"));
  return new WireWriter().raw(payload.subarray(0, 17)).string(names.join(",")).raw(reader.rest()).bytes();
}

const BOTH_MARKERS: Attack[] = [
  { toward: "server", rewrite: withoutMarker },
  { toward: "client", rewrite: withoutMarker },
];

function verifyHost(): undefined {}

Deno.test("without tampering the man in the middle is no hindrance", async () => {
  await using server = await EchoServer.start();
  const key = makeKey("ed25519");
  const identity = await server.identity(key);
  const port = await server.behind([]);
  const { code, stdout } = await server.ssh(["-c", CHACHA, "-i", identity], Buffer.from("hello"), { port });
  assertEquals([code, stdout], [0, "hello"]);
  const certificate = certify(server.userCas.rsa, "user", key, ["joe"]);
  const client = await connectSsh({
    stream: server.dial(port),
    username: "joe",
    credential: { key, certificate },
    verifyHost,
  });
  client.close();
  assertEquals(server.identities.length, 2);
});

for (const toward of ["client", "server"] as const) {
  Deno.test(`OpenSSH's client and our server: whatever is injected toward the ${toward} ends the connection on both sides`, async () => {
    await using server = await EchoServer.start();
    const identity = await server.identity(makeKey("ed25519"));
    for (const [what, attack] of attacks(toward)) {
      const port = await server.behind([attack]);
      const { code } = await server.ssh(["-c", CHACHA, "-i", identity], undefined, { port });
      assertEquals(code, 255, what);
      await server.quiet();
    }
    assertEquals(server.identities, []);
  });

  Deno.test(`our client and our server: whatever is injected toward the ${toward} ends the connection on both sides`, async () => {
    await using server = await startSpyServer();
    const key = makeKey("ed25519");
    const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
    for (const [what, attack] of attacks(toward)) {
      const [ours, his] = faultyPair();
      const stream = await server.dial();
      const closed = new Promise((resolve) => stream.once("close", resolve));
      standBetween(his, stream, [attack]);
      await assertRejects(
        () => connectSsh({ stream: ours, username: "joe", credential, verifyHost }),
        AppError,
        undefined,
        what,
      );
      await closed;
    }
    assertEquals(server.connections, []);
  });

  Deno.test(`our client and OpenSSH's server: whatever is injected toward the ${toward} ends the connection on both sides`, async () => {
    await using sshd = await Sshd.prepare([`Ciphers ${CHACHA}`]);
    const key = makeKey("ed25519");
    const credential = { key, certificate: certify(sshd.userCas.ed25519, "user", key, [LOGIN]) };
    // One kind of message at each place: each is a process of its own.
    const some = attacks(toward).filter(([what]) => /^(IGNORE|an empty packet)/.test(what));
    await Promise.all(some.map(async ([what, attack]) => {
      const { stream, log } = sshd.connect();
      const [ours, his] = faultyPair();
      standBetween(his, stream, [attack]);
      await assertRejects(
        () => connectSsh({ stream: ours, username: LOGIN, credential, verifyHost }),
        AppError,
        undefined,
        what,
      );
      assertEquals(/Accepted publickey/.test(await log), false, what);
    }));
  });
}

Deno.test("taking the marker of strict key exchange out of the handshake ends the connection", async () => {
  await using server = await EchoServer.start();
  const key = makeKey("ed25519");
  const identity = await server.identity(key);
  for (const attack of [BOTH_MARKERS, BOTH_MARKERS.slice(0, 1), BOTH_MARKERS.slice(1)]) {
    const port = await server.behind(attack);
    const { code } = await server.ssh(["-i", identity], undefined, { port });
    assertEquals(code, 255);
    const credential = { key, certificate: certify(server.userCas.rsa, "user", key, ["joe"]) };
    const stream = server.dial(port);
    await assertRejects(() => connectSsh({ stream, username: "joe", credential, verifyHost }), AppError);
  }
  assertEquals(server.identities, []);
});

// --- peers without strict key exchange ----------------------------------------------------------------------------

/** What a raw client ends up with. */
async function negotiated(offer: RawOffer): Promise<{ cs: string; sc: string }> {
  await using server = await startSpyServer();
  const client = await rawClient(await server.dial(), offer);
  const { cs, sc } = client.kex;
  client.close();
  return { cs: cs.cipher, sc: sc.cipher };
}

Deno.test("a client with strict key exchange gets the cipher it likes best, one without AES-GCM at best", async () => {
  const { ciphers } = DEFAULT_ALGORITHMS;
  const [gcm] = GCM;
  assertEquals(await negotiated({ ciphers: [...ciphers] }), { cs: CHACHA, sc: CHACHA });
  assertEquals(await negotiated({ ciphers: [...ciphers], strict: false }), { cs: gcm, sc: gcm });
});

Deno.test("a client without strict key exchange and AES-GCM is refused", async () => {
  await using server = await startSpyServer();
  for (const ciphers of DEFAULT_ALGORITHMS.ciphers.filter((name) => !GCM.includes(name))) {
    server.refusals.length = 0;
    const stream = await server.dial();
    await assertRejects(() => rawClient(stream, { ciphers: [ciphers], strict: false }), Error, "hung up");
    assertMatch(await server.refused(), /no matching C->S cipher/);
  }
  assertEquals(server.connections, []);
});

Deno.test("a client that only claims to be one with strict key exchange is told why it is cut off", async () => {
  await using server = await startSpyServer();
  for (const ciphers of [CHACHA, "aes256-ctr"]) {
    server.refusals.length = 0;
    const stream = await server.dial();
    const offer = { ident: "Teleport", ciphers: [ciphers], strict: false };
    const error = await assertRejects(() => rawClient(stream, offer), Error);
    assertStringIncludes(error.message, "does not know strict key exchange");
    assertStringIncludes(await server.refused(), ciphers);
  }
  assertEquals(server.connections, []);
});

Deno.test("a client that waits for our KEXINIT gets one with AES-GCM only", async () => {
  await using server = await startSpyServer();
  const stream = await server.dial();
  stream.write("SSH-2.0-patient\r\n");
  const offered = await kexInitOf(stream);
  assertEquals(offered.ciphers, GCM);
  assert(offered.kex.includes("kex-strict-s-v00@openssh.com"));
  stream.destroy();
});

Deno.test("a client of our own, which knows strict key exchange, gets the full KEXINIT at once", async () => {
  await using server = await startSpyServer();
  const stream = await server.dial();
  stream.write("SSH-2.0-Teleport\r\n");
  const { ciphers } = await kexInitOf(stream);
  assertEquals(ciphers, [...DEFAULT_ALGORITHMS.ciphers]);
  stream.destroy();
});

/** The first message of a server, as a client that says nothing more sees it. */
async function kexInitOf(stream: Duplex): Promise<{ kex: string[]; ciphers: string[] }> {
  let received = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    const start = received.indexOf("\n") + 1;
    if (start === 0 || received.length < start + 4) continue;
    if (received.length < start + 4 + received.readUInt32BE(start)) continue;
    const reader = new WireReader(received.subarray(start + 5));
    assertEquals(reader.byte(), KEXINIT);
    const fields = new WireReader(reader.rest().subarray(16));
    const [kex, , ciphers] = [fields.text(), fields.text(), fields.text()];
    return { kex: kex.split(","), ciphers: (ciphers ?? "").split(",") };
  }
  throw new Error("the server hung up");
}

Deno.test("where the configuration has no AES-GCM, a client without strict key exchange is told why it is cut off", async () => {
  const only: Algorithms = { ...DEFAULT_ALGORITHMS, ciphers: ["aes256-ctr"] };
  useAlgorithms(only);
  try {
    await using server = await startSpyServer();
    const stream = await server.dial();
    const offer = { ciphers: ["aes256-ctr"], strict: false };
    await assertRejects(() => rawClient(stream, offer), Error, "none of the configured ciphers is safe");
    assertMatch(await server.refused(), /does not know strict key exchange/);
    const client = await rawClient(await server.dial(), { ciphers: ["aes256-ctr"] });
    assertEquals(client.kex.sc.cipher, "aes256-ctr");
    client.close();
  } finally {
    useAlgorithms(undefined);
  }
});

/** A server without strict key exchange. */
async function oldServer(
  ciphers: string[],
  ident?: string,
): Promise<AsyncDisposable & { dial(): Socket; logins: string[] }> {
  const key = makeKey("ed25519");
  const certificate = certify(makeKey("ed25519"), "host", key, ["localhost"]);
  const logins: string[] = [];
  const library = new Server({
    hostKeys: serverHostKeys({ key, certificate }),
    algorithms: serverAlgorithms(),
    ident,
  }, (connection: Ssh2Connection) => {
    const protocol = connection._protocol;
    const kex = protocol._offer.lists.kex.array.filter((name) => !name.startsWith("kex-strict"));
    protocol._offer = withLists(protocol._offer, { kex, ciphers });
    protocol._strictMode = false; // ssh2 looks at the client's marker only
    presentHostCertificates(connection);
    connection.on("error", () => {}); // broken on purpose
    connection.on("authentication", (context: AuthContext) => {
      logins.push(context.username);
      context.accept();
    });
  });
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket);
    library.injectSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  return {
    logins,
    dial: () => connect(port, "127.0.0.1"),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

Deno.test("our client logs in to a server without strict key exchange by AES-GCM only", async () => {
  const key = makeKey("ed25519");
  const credential = { key, certificate: certify(makeKey("ed25519"), "user", key, ["joe"]) };
  const { ciphers } = DEFAULT_ALGORITHMS;
  {
    await using server = await oldServer([...ciphers]);
    const client = await connectSsh({ stream: server.dial(), username: "joe", credential, verifyHost });
    client.close();
    assertEquals(server.logins, ["joe"]);
  }
  for (const ident of [undefined, "OpenSSH_9.8"]) {
    for (const cipher of [CHACHA, "aes128-ctr"]) {
      await using server = await oldServer([cipher], ident);
      const why = ident ? "does not know strict key exchange" : "no matching";
      const options = { stream: server.dial(), username: "joe", credential, verifyHost };
      await assertRejects(() => connectSsh(options), AppError, why);
      assertEquals(server.logins, []);
    }
  }
});

Deno.test("an identification line tells of strict key exchange only where its version has it for certain", () => {
  const knows = [
    "SSH-2.0-Teleport",
    "SSH-2.0-OpenSSH_9.6",
    "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.5",
    "SSH-2.0-OpenSSH_10.0p2 Debian-7",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10",
  ];
  const unknown = [
    "",
    "SSH-2.0-OpenSSH_9.5",
    "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u1",
    "SSH-2.0-OpenSSH_",
    "SSH-2.0-Go",
    "SSH-2.0-TeleportX",
    "xSSH-2.0-OpenSSH_9.9",
  ];
  for (const line of knows) assertEquals(knowsStrictKex(line), true, line);
  for (const line of unknown) assertEquals(knowsStrictKex(line), false, line);
});
