/**
 * Random sequences of messages against a small oracle: what a client may send when, what it is answered, and who it then
 * is (CVE-2023-46445, CVE-2018-10933 and their like).
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import fc from "fast-check";
import { AppError } from "../../src/base/errors.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { WireWriter } from "../../src/ssh/wire.ts";
import {
  authRequest,
  certifyUser,
  MESSAGE,
  publicKeyRequest,
  type RawClient,
  rawClient,
  type SpyServer,
  startSpyServer,
} from "../kit/raw_ssh.ts";
import { certify } from "../kit/ssh_keys.ts";
import { plainPacket } from "../kit/tampering.ts";

const ALGORITHM = "ssh-ed25519-cert-v01@openssh.com";
const MAX_TRIES = 3;
const [PK_OK, FAILURE, SUCCESS] = [MESSAGE.userauthPkOk, MESSAGE.userauthFailure, MESSAGE.userauthSuccess];
const [OPENED, REQUEST_FAILED] = [91, 82];

/** What the oracle knows of one connection. */
interface State {
  /** Fixed by the first request. */
  user?: string;
  failures: number;
  identity?: string;
}

/** The server's answer; nothing; or the end of the connection. */
type Answer = number | "none" | "cut";

interface Step {
  name: string;
  message(client: RawClient): Uint8Array;
  /** Says what must come of it, and changes the state. */
  oracle(state: State): Answer;
}

/** A try to log in: never after the login, never with another user name than before, only so many. */
function login(user: string, outcome: "question" | "offer" | "failure" | { identity: string }) {
  return (state: State): Answer => {
    if (state.identity !== undefined || (state.user ?? user) !== user) return "cut";
    state.user = user;
    if (outcome === "question") return FAILURE; // which methods are there? Costs nothing
    if (outcome === "offer") return PK_OK;
    if (outcome === "failure") return ++state.failures > MAX_TRIES ? "cut" : FAILURE;
    state.identity = outcome.identity;
    return SUCCESS;
  };
}

const always = (answer: Answer) => () => answer;
const before = (answer: Answer) => ({ identity }: State): Answer => identity === undefined ? answer : "cut";
const after = (answer: Answer) => ({ identity }: State): Answer => identity === undefined ? "cut" : answer;
const bare = (number: number) => () => new WireWriter().byte(number).uint32(0).bytes();

function steps(server: SpyServer): Step[] {
  const [joeKey, adminKey, strangerKey] = [generateKey(), generateKey(), generateKey()];
  const joe = certifyUser(server.ca, joeKey, "joe", "joe").blob;
  const admin = certifyUser(server.ca, adminKey, "administrator", "joe").blob;
  const stranger = certifyUser(generateKey(), strangerKey, "stranger", "joe").blob;
  const request = (blob: Uint8Array, signer?: typeof joeKey, user = "joe") => (client: RawClient) =>
    publicKeyRequest(client, { user, algorithm: ALGORITHM, blob, signer });
  return [
    { name: "none", message: () => authRequest("joe", "none"), oracle: login("joe", "question") },
    { name: "none as ann", message: () => authRequest("ann", "none"), oracle: login("ann", "question") },
    { name: "offer joe", message: request(joe), oracle: login("joe", "offer") },
    { name: "offer administrator", message: request(admin), oracle: login("joe", "offer") },
    { name: "offer stranger", message: request(stranger), oracle: login("joe", "failure") },
    { name: "sign joe", message: request(joe, joeKey), oracle: login("joe", { identity: "joe" }) },
    {
      name: "sign administrator",
      message: request(admin, adminKey),
      oracle: login("joe", { identity: "administrator" }),
    },
    { name: "sign stranger", message: request(stranger, strangerKey), oracle: login("joe", "failure") },
    { name: "administrator by joe's key", message: request(admin, joeKey), oracle: login("joe", "failure") },
    { name: "sign as ann", message: request(joe, joeKey, "ann"), oracle: login("ann", "failure") },
    {
      name: "password",
      message: () => authRequest("joe", "password", new WireWriter().boolean(false).string("x").bytes()),
      oracle: login("joe", "failure"),
    },
    {
      name: "dialog",
      message: () =>
        authRequest("joe", "keyboard-interactive", new WireWriter().string("").string("").bytes()),
      oracle: login("joe", "failure"),
    },
    { name: "answer nobody asked for", message: bare(61), oracle: before("none") },
    { name: "ignore", message: () => new WireWriter().byte(2).string("x").bytes(), oracle: always("none") },
    {
      name: "debug",
      message: () => new WireWriter().byte(4).boolean(true).string("x").string("").bytes(),
      oracle: always("none"),
    },
    { name: "unimplemented", message: bare(3), oracle: always("none") },
    { name: "extensions", message: bare(7), oracle: before("none") },
    {
      name: "service again",
      message: () => new WireWriter().byte(5).string("ssh-userauth").bytes(),
      oracle: always("cut"),
    },
    {
      name: "open",
      message: () =>
        new WireWriter().byte(MESSAGE.channelOpen).string("session").uint32(0).uint32(1000).uint32(1000)
          .bytes(),
      oracle: after(OPENED),
    },
    {
      name: "global request",
      message: () => new WireWriter().byte(80).string("made-up").boolean(true).bytes(),
      oracle: after(REQUEST_FAILED),
    },
    { name: "claim of success", message: bare(SUCCESS), oracle: always("cut") },
    { name: "claim of a good key", message: bare(PK_OK), oracle: always("cut") },
    { name: "keys out of turn", message: bare(21), oracle: always("cut") },
    { name: "key exchange out of turn", message: bare(31), oracle: always("cut") },
    { name: "unknown", message: bare(200), oracle: always("cut") },
  ];
}

/** An answer that does not come is a failure of its own. */
async function soon<T>(answer: Promise<T>, told: readonly string[]): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`nothing came of: ${told.join(", ")}`)), 5000);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

Deno.test("whatever a client sends in whatever order, it is answered as the protocol wants and is who it proved to be", async () => {
  await using server = await startSpyServer({ maxAuthTries: MAX_TRIES });
  const all = steps(server);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...all), { maxLength: 12 }), async (sequence) => {
      const known = server.connections.length;
      const client = await rawClient(await server.dial());
      const state: State = { failures: 0 };
      const told: string[] = [];
      let cut = false;
      for (const step of sequence) {
        told.push(step.name);
        const expected = step.oracle(state);
        client.send(step.message(client));
        if (expected === "none") continue;
        const answer = await soon(client.receive(), told);
        assertEquals(answer?.[0], expected === "cut" ? undefined : expected, told.join(", "));
        cut = expected === "cut";
        if (cut) break;
      }
      client.close();
      await client.closed;
      const identities = server.connections.slice(known).map(({ identity }) => identity);
      assertEquals(identities, state.identity === undefined ? [] : [state.identity], told.join(", "));
    }),
    { numRuns: 150 },
  );
});

Deno.test("messages that are all sent at once make nobody of a client that it has not proved to be", async () => {
  await using server = await startSpyServer({ maxAuthTries: MAX_TRIES });
  const all = steps(server);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...all), { minLength: 2, maxLength: 12 }),
      async (sequence) => {
        const [connections, sessions] = [server.connections.length, server.sessions.length];
        const client = await rawClient(await server.dial());
        for (const step of sequence) client.send(step.message(client));
        client.send(new Uint8Array([200])); // ends it in any case
        const told = sequence.map(({ name }) => name);
        await soon(client.closed, told);
        const made = server.connections.slice(connections).map(({ identity }) => identity);
        const first = told.find((name) => name === "sign joe" || name === "sign administrator");
        assert(made.length === 0 || made.length === 1 && `sign ${made[0]}` === first, told.join(", "));
        const served = server.sessions.slice(sessions);
        assert(served.every((identity) => identity === made[0]), told.join(", "));
      },
    ),
    { numRuns: 150 },
  );
});

// --- before the keys are in use -----------------------------------------------------------------------------------

/** A KEXINIT that both our client and our server can go on with. */
function kexInit(marker: string): Uint8Array {
  const writer = new WireWriter().byte(20).raw(new Uint8Array(16)).string(`curve25519-sha256,${marker}`)
    .string(ALGORITHM);
  for (const list of ["aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com", "none", ""]) {
    writer.string(list).string(list);
  }
  return writer.boolean(false).uint32(0).bytes();
}

/** Messages of an attacker who has no keys, by name. */
function plainMessages(hostCertificate: Uint8Array): [string, Uint8Array][] {
  const point = crypto.getRandomValues(new Uint8Array(32));
  const signature = new WireWriter().string("ssh-ed25519").string(new Uint8Array(64)).bytes();
  return [
    ["client's KEXINIT", kexInit("kex-strict-c-v00@openssh.com")],
    ["server's KEXINIT", kexInit("kex-strict-s-v00@openssh.com")],
    ["KEXINIT without strict", kexInit("x")],
    ["KEXINIT cut off", kexInit("x").subarray(0, 40)],
    ["ECDH init", new WireWriter().byte(30).string(point).bytes()],
    ["ECDH init of zeros", new WireWriter().byte(30).string(new Uint8Array(32)).bytes()],
    ["ECDH init of nothing", new WireWriter().byte(30).string("").bytes()],
    ["ECDH reply", new WireWriter().byte(31).string(hostCertificate).string(point).string(signature).bytes()],
    ["ECDH reply of nothing", new WireWriter().byte(31).string("").string("").string("").bytes()],
    ["NEWKEYS", new Uint8Array([21])],
    ["service request", new WireWriter().byte(5).string("ssh-userauth").bytes()],
    ["service accept", new WireWriter().byte(6).string("ssh-userauth").bytes()],
    ["login without a method", authRequest("joe", "none")],
    ["success", new Uint8Array([SUCCESS])],
    ["good key", new WireWriter().byte(PK_OK).string(ALGORITHM).string(hostCertificate).bytes()],
    ["open", new WireWriter().byte(90).string("session").uint32(0).uint32(9).uint32(9).bytes()],
    ["ignore", new WireWriter().byte(2).string("").bytes()],
    ["extensions", new WireWriter().byte(7).uint32(0).bytes()],
    ["nothing", new Uint8Array()],
    ["unknown", new Uint8Array([200])],
  ];
}

/** Random sequences, of which many begin as they should. */
function sequences(messages: [string, Uint8Array][]): fc.Arbitrary<[string, Uint8Array][]> {
  const named = (...names: string[]) => messages.filter(([name]) => names.includes(name));
  const beginnings = [
    [],
    ...[named("client's KEXINIT"), named("client's KEXINIT", "ECDH init")],
    ...[named("server's KEXINIT"), named("server's KEXINIT", "ECDH reply")],
  ];
  const rest = fc.array(fc.constantFrom(...messages), { maxLength: 8 });
  return fc.tuple(fc.constantFrom(...beginnings), rest).map(([first, then]) => [...first, ...then]);
}

Deno.test("a client without keys gets nothing but answers of the key exchange, whatever it sends in whatever order", async () => {
  await using server = await startSpyServer();
  let exchanges = 0;
  const messages = plainMessages(certifyUser(server.ca, generateKey(), "x", "x").blob);
  await fc.assert(
    fc.asyncProperty(
      sequences(messages),
      fc.constantFrom("SSH-2.0-OpenSSH_9.9", "SSH-2.0-x"),
      async (sequence, line) => {
        const stream = await server.dial();
        const received: Uint8Array[] = [];
        stream.on("data", (chunk: Uint8Array) => void received.push(chunk));
        const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
        stream.write(`${line}\r\n`);
        for (const [, message] of sequence) if (stream.writable) stream.write(plainPacket(message));
        stream.end();
        const told = sequence.map(([name]) => name);
        await soon(closed, told);
        const numbers = plainNumbers(received);
        for (const number of numbers) assert([1, 3, 20, 31, 21].includes(number), told.join(", "));
        if (numbers.includes(31)) exchanges++;
      },
    ),
    { numRuns: 150 },
  );
  assertEquals([server.connections, server.sessions], [[], []]);
  assert(exchanges > 0, "some got as far as that");
});

/** The numbers of the messages that came before the keys were in use. */
function plainNumbers(received: readonly Uint8Array[]): number[] {
  const bytes = Buffer.concat(received);
  const numbers: number[] = [];
  for (let at = bytes.indexOf("\n") + 1; at + 6 <= bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    numbers.push(bytes[at + 5] ?? 0);
    if (numbers.at(-1) === 21) break;
  }
  return numbers;
}

Deno.test("a server without the host's key gets no login, whatever it sends in whatever order", async () => {
  const [ca, userKey] = [generateKey(), generateKey()];
  const credential = { key: userKey, certificate: certifyUser(ca, userKey, "joe", "joe") };
  let exchanges = 0;
  const messages = plainMessages(certify(ca, "host", generateKey(), ["localhost"]).blob);
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  await fc.assert(
    fc.asyncProperty(
      sequences(messages),
      fc.constantFrom("SSH-2.0-OpenSSH_9.9", "SSH-2.0-x"),
      async (sequence, line) => {
        const received: Uint8Array[] = [];
        const told = sequence.map(([name]) => name);
        const { promise: closed, resolve } = Promise.withResolvers<void>();
        listener.once("connection", (his: Socket) => {
          his.on("data", (chunk: Uint8Array) => void received.push(chunk));
          his.on("error", () => {}); // the client hangs up on him
          his.once("close", () => resolve());
          his.write(`${line}\r\n`);
          for (const [, message] of sequence) if (his.writable) his.write(plainPacket(message));
          his.end();
        });
        const stream = connect(port, "127.0.0.1");
        const login = connectSsh({ stream, username: "joe", credential, verifyHost: () => {} });
        await soon(assertRejects(() => login, AppError, undefined, told.join(", ")), told);
        await soon(closed, told);
        const numbers = plainNumbers(received);
        for (const number of numbers) assert([1, 3, 20, 30, 21].includes(number), told.join(", "));
        if (numbers.includes(30)) exchanges++;
        assertEquals(Buffer.concat(received).includes(credential.certificate.blob), false, told.join(", "));
      },
    ),
    { numRuns: 150 },
  );
  await new Promise<void>((resolve) => listener.close(() => resolve()));
  assert(exchanges > 0, "some got as far as that");
});
