/**
 * Our SSH client, and servers that send anything.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { isAppError } from "../../../src/base/errors.ts";
import { connectSsh, type SshClient } from "../../../src/ssh/client.ts";
import { parsePrivateKey } from "../../../src/ssh/private_key.ts";
import type { Ssh2Connection } from "../../../src/ssh/ssh2/internals.ts";
import { sendMessage } from "../../../src/ssh/ssh2/library.ts";
import { rawServer } from "../../kit/raw_server.ts";
import { certify } from "../../kit/ssh_keys.ts";
import { streamPair } from "../../kit/stream_pair.ts";
import type { Random } from "../random.ts";
import { seedsOf } from "../seeds.ts";
import { decode, type FuzzTarget, text } from "../target.ts";
import { authAnswers, channelSeeds, exchangeSeeds, messagesOf, plainBytes } from "./messages.ts";
import { FuzzServer } from "./ssh_server.ts";

const key = parsePrivateKey(decode(seedsOf("privateKey")[0] ?? new Uint8Array()));
const credential = { key, certificate: certify(key, "user", key, ["joe"]) };
const TIMEOUT_MS = 1000;
const STRANGE = 200;
const REKEY_BYTES = 3000;

const turn = () => new Promise((resolve) => setTimeout(resolve));

/** Connects to a server that a target plays. */
function connect(stream: Duplex, rekeyBytes?: number): Promise<SshClient> {
  return connectSsh({
    stream,
    username: "joe",
    credential,
    verifyHost: () => {},
    timeoutMs: TIMEOUT_MS,
    rekey: rekeyBytes === undefined ? {} : { bytes: rekeyBytes, timeoutMs: TIMEOUT_MS },
  });
}

/** A server without keys: nobody may log in there. */
async function plainServer(bytes: Uint8Array, random: Random): Promise<void> {
  const [ours, theirs] = streamPair();
  theirs.on("error", () => {}).resume();
  ours.on("error", () => {});
  const login = connect(ours);
  const outcome = login.then(() => "in", (error: unknown) => error);
  for (let at = 0; at < bytes.length && !theirs.destroyed;) {
    const size = random.once(2) ? bytes.length : 1 + random.below(100);
    if (theirs.writable) theirs.write(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
    if (random.once(20)) await turn();
  }
  await turn();
  theirs.destroy();
  if (await outcome === "in") throw new Error("the client logged in to a server without keys");
  await login;
}

async function sendAll(library: Ssh2Connection, input: Uint8Array, random: Random): Promise<void> {
  for (const message of messagesOf(input)) {
    if (library._protocol._destruct !== undefined) sendMessage(library._protocol, message);
    if (random.once(4)) await turn();
  }
  if (library._protocol._destruct !== undefined) sendMessage(library._protocol, Uint8Array.of(STRANGE));
}

/** What users of a client do; each may fail. */
function useClient(client: SshClient, random: Random): Promise<unknown>[] {
  return [
    client.exec("cat").then(({ stream, exit }) => {
      stream.on("error", () => {}).end("hello");
      stream.resume();
      return exit;
    }),
    client.directTcpip("localhost", 1).then((stream) => stream.on("error", () => {}).resume()),
    ...random.once(2) ? [client.exec("true")] : [],
  ];
}

async function afterLogin(input: Uint8Array, random: Random, rekeyBytes?: number): Promise<void> {
  const [ours, theirs] = streamPair();
  ours.on("error", () => {});
  theirs.on("error", () => {});
  const [client, library] = await Promise.all([connect(ours, rekeyBytes), rawServer(theirs, true, key)]);
  if (!library) throw new Error("the client did not log in");
  const uses = Promise.allSettled(useClient(client, random));
  await turn();
  await sendAll(library, input, random);
  await client.closed;
  for (const use of await uses) {
    if (use.status === "rejected" && (!isAppError(use.reason) || use.reason.code === "internal")) {
      throw use.reason;
    }
  }
}

/** After all that, the client still talks to an honest server. */
async function check(): Promise<void> {
  const server = new FuzzServer();
  await server.checkHonest();
  await server.close();
}

const LINES = ["SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-x\r\n", "hello\r\nSSH-2.0-Teleport\r\n"];

export const clientTargets: FuzzTarget[] = [
  {
    name: "client_identification",
    seeds: () =>
      text("SSH-2.0-OpenSSH_9.9\r\n", "one\r\ntwo\r\nSSH-2.0-x\n", "SSH-1.5-old\r\n", "HTTP/1.1 400\r\n\r\n"),
    run: plainServer,
    check,
  },
  {
    name: "client_exchange",
    seeds: () => exchangeSeeds("s"),
    run: (input, random) => plainServer(plainBytes(random.pick(LINES), messagesOf(input)), random),
    check,
  },
  {
    name: "client_login",
    seeds: authAnswers,
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {});
      theirs.on("error", () => {});
      const login = connect(ours).then((client) => client.closed, (error) => error);
      const library = await rawServer(theirs, false, key);
      if (library) await sendAll(library, input, random);
      await turn();
      theirs.destroy();
      const outcome = await login;
      if (outcome !== undefined) throw outcome;
    },
    check,
  },
  { name: "client_channels", seeds: channelSeeds, run: (input, random) => afterLogin(input, random), check },
  {
    name: "client_rekey",
    seeds: channelSeeds,
    run: (input, random) => afterLogin(input, random, REKEY_BYTES),
    check,
  },
];
