/**
 * Our SSH server, and clients that send anything: before there are keys, before the login, after it, during new keys.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../../src/base/errors.ts";
import { connectSsh } from "../../../src/ssh/client.ts";
import { parsePrivateKey } from "../../../src/ssh/private_key.ts";
import { type Routes, SshServer } from "../../../src/ssh/server.ts";
import { certify } from "../../kit/ssh_keys.ts";
import { publicKeyRequest, type RawClient, rawClient } from "../../kit/raw_ssh.ts";
import { streamPair } from "../../kit/stream_pair.ts";
import type { Random } from "../random.ts";
import { seedsOf } from "../seeds.ts";
import { decode, type FuzzTarget, text } from "../target.ts";
import { authSeeds, channelSeeds, exchangeSeeds, messagesOf, plainBytes } from "./messages.ts";

const ATTACKER = { address: "10.0.0.1", port: 1 };
const HONEST = { address: "10.0.0.2", port: 2 };
const HONEST_MS = 2000;
const STRANGE = 200;
/** So often that messages meet key exchanges. */
const REKEY_BYTES = 3000;

/** What fuzzing uses: a server that knows one user, and counts what is served to others. */
export class FuzzServer {
  readonly key = parsePrivateKey(decode(seedsOf("privateKey")[0] ?? new Uint8Array()));
  readonly certificate = certify(this.key, "user", this.key, ["joe"]);
  readonly #server: SshServer<string>;
  #served = 0;
  #logins = 0;

  constructor(rekeyBytes?: number) {
    this.#server = new SshServer<string>({
      hostCredential: { key: this.key, certificate: certify(this.key, "host", this.key, ["localhost"]) },
      authenticator: {
        certificate: ({ certificate }) => {
          if (!certificate.blob.equals(this.certificate.blob)) {
            throw new AppError("unauthenticated", "a stranger");
          }
          return "joe";
        },
      },
      routes: this.#routes(),
      onConnection: () => void this.#logins++,
      rekey: rekeyBytes === undefined ? {} : { bytes: rekeyBytes, timeoutMs: 1000 },
    });
  }

  #routes(): Routes<string> {
    const pair = () => {
      this.#served++;
      const [here, there] = streamPair();
      there.on("error", () => {}).pipe(there);
      return Promise.resolve(here.on("error", () => {}));
    };
    const bound = { port: 1, close: () => {} };
    return {
      session: () => {
        this.#served++;
        return {
          env: () => true,
          pty: () => true,
          shell: (channel) => {
            channel.on("error", () => {}).pipe(channel, { end: false });
            channel.once("end", () => channel.exit(0));
          },
          exec: (channel) => {
            channel.on("error", () => {}).pipe(channel, { end: false });
            channel.once("end", () => channel.exit(0));
          },
          subsystem: (name) => name === "sftp" ? (channel) => void channel.end("x") : undefined,
        };
      },
      directTcpip: pair,
      directStreamlocal: pair,
      listenTcp: () => Promise.resolve(bound),
      listenStreamlocal: () => Promise.resolve(bound),
    };
  }

  /** Connects an attacker in memory. */
  dial(from = ATTACKER): Duplex {
    const [theirs, ours] = streamPair();
    theirs.on("error", () => {}).once("end", () => theirs.destroy()); // as a TCP socket does
    this.#server.accept(ours, from);
    return theirs;
  }

  /** A raw client whose keys are in use. */
  client(): Promise<RawClient> {
    return rawClient(this.dial() as Socket);
  }

  async loggedIn(): Promise<RawClient> {
    const client = await this.client();
    const { type, blob } = this.certificate;
    client.send(publicKeyRequest(client, { user: "joe", algorithm: type, blob, signer: this.key }));
    await client.receive();
    return client;
  }

  /** Nobody may have been let in or served since the last look. */
  checkNobodyServed(): void {
    const [served, logins] = [this.#served, this.#logins];
    this.#served = this.#logins = 0;
    if (served + logins > 0) {
      throw new Error(`${logins} were let in and ${served} requests served without a login`);
    }
  }

  /** Somebody honest logs in and runs a command. */
  async checkHonest(): Promise<void> {
    const start = performance.now();
    const credential = { key: this.key, certificate: this.certificate };
    const stream = this.dial(HONEST);
    const client = await connectSsh({
      stream,
      username: "joe",
      credential,
      verifyHost: () => {},
      timeoutMs: HONEST_MS,
    });
    const { stream: channel } = await client.exec("cat");
    const echoed = new Promise<Buffer>((resolve) => channel.once("data", resolve));
    channel.end("hello");
    if ((await echoed).toString() !== "hello") throw new Error("an honest client got the wrong answer");
    client.close();
    await client.closed;
    const took = performance.now() - start;
    if (took > HONEST_MS) throw new Error(`an honest login took ${took.toFixed()} ms`);
    this.#served = this.#logins = 0;
  }

  close(): Promise<void> {
    return this.#server.close(0);
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

function target(
  name: string,
  seeds: () => readonly Uint8Array[],
  rekeyBytes: number | undefined,
  run: (server: FuzzServer, input: Uint8Array, random: Random) => Promise<void>,
  isLoggedIn = false,
): FuzzTarget {
  let server: FuzzServer | undefined;
  const running = () => server ??= new FuzzServer(rekeyBytes);
  return {
    name,
    seeds,
    async run(input, random) {
      await run(running(), input, random);
      if (!isLoggedIn) running().checkNobodyServed();
    },
    check: () => running().checkHonest(),
    async stop() {
      await server?.close();
      server = undefined;
    },
  };
}

/** Sends bytes as they are, in pieces. */
async function sendRaw(stream: Duplex, bytes: Uint8Array, random: Random): Promise<void> {
  stream.resume();
  for (let at = 0; at < bytes.length && !stream.destroyed;) {
    const size = random.once(2) ? bytes.length : 1 + random.below(100);
    if (stream.writable) stream.write(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
    if (random.once(20)) await turn();
  }
  await turn();
  await turn();
  stream.destroy();
}

/** Sends messages under the connection's keys; the last one is illegal, so the server must hang up. */
async function sendSealed(client: RawClient, input: Uint8Array, random: Random): Promise<void> {
  for (const message of messagesOf(input)) {
    client.send(message);
    if (random.once(4)) await turn();
  }
  client.send(Uint8Array.of(STRANGE));
  await client.closed;
}

const LINES = ["SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-x\r\n", "SSH-2.0-Teleport\r\n"];

export const serverTargets: FuzzTarget[] = [
  target(
    "server_identification",
    () =>
      text(
        "SSH-2.0-OpenSSH_9.9\r\n",
        "SSH-1.99-x\n",
        "SSH-2.0-Teleport comment\r\n",
        "GET / HTTP/1.1\r\n\r\n",
      ),
    undefined,
    (server, input, random) => sendRaw(server.dial(), input, random),
  ),
  target(
    "server_raw_exchange",
    () => exchangeSeeds("c").map((seed) => plainBytes(LINES[0] ?? "", messagesOf(seed))),
    undefined,
    (server, input, random) => sendRaw(server.dial(), input, random),
  ),
  target(
    "server_exchange",
    () => exchangeSeeds("c"),
    undefined,
    (server, input, random) =>
      sendRaw(server.dial(), plainBytes(random.pick(LINES), messagesOf(input)), random),
  ),
  target(
    "server_login",
    authSeeds,
    undefined,
    async (server, input, random) => sendSealed(await server.client(), input, random),
  ),
  target(
    "server_channels",
    channelSeeds,
    undefined,
    async (server, input, random) => sendSealed(await server.loggedIn(), input, random),
    true,
  ),
  target(
    "server_rekey",
    channelSeeds,
    REKEY_BYTES,
    async (server, input, random) => sendSealed(await server.loggedIn(), input, random),
    true,
  ),
  target("server_early_channels", channelSeeds, undefined, async (server, input, random) => {
    await sendSealed(await server.client(), input, random);
  }),
];
