/**
 * An SSH client that sends what a test wants, message by message, and an SSH server that remembers whom it let in.
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { AppError } from "../../src/base/errors.ts";
import { checkCertificate, issueCertificate } from "../../src/ssh/certificate.ts";
import { generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { type ServerConnection, type ServerLimits, SshServer } from "../../src/ssh/server.ts";
import { sign } from "../../src/ssh/signature.ts";
import { clientAlgorithms } from "../../src/ssh/ssh2/algorithms.ts";
import type { Kex } from "../../src/ssh/ssh2/internals.ts";
import { acceptHostCertificates } from "../../src/ssh/ssh2/host_certificate.ts";
import { onKeyExchange } from "../../src/ssh/ssh2/key_exchange.ts";
import { HOST_CERTIFICATE_ALGORITHMS } from "../../src/ssh/ssh2/key_patch.ts";
import { withLists } from "../../src/ssh/ssh2/kex_patch.ts";
import { Client, sendMessage } from "../../src/ssh/ssh2/library.ts";
import { WireWriter } from "../../src/ssh/wire.ts";

/** How long a client lets the server wait in the middle of a key exchange. */
const HESITATION_MS = 30;

/** Sockets that a test breaks on purpose report errors to nobody. */
const ignored = () => {};

export const MESSAGE = {
  disconnect: 1,
  ignore: 2,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  newKeys: 21,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthPkOk: 60,
  channelOpen: 90,
} as const;

/** Key exchange is done and the service accepted; nothing was asked for yet. */
export interface RawClient {
  readonly sessionId: Buffer;
  /** What was negotiated. */
  readonly kex: Kex["negotiated"];
  send(message: Uint8Array): void;
  /** The next message of the server that is not part of the transport; undefined when it has hung up. */
  receive(): Promise<Buffer | undefined>;
  /**
   * Asks for new keys, and answers the server's KEXINIT only after a while.
   * @returns the messages that the server sent from its KEXINIT to its NEWKEYS, both included
   */
  rekey(): Promise<number[]>;
  readonly closed: Promise<void>;
  close(): void;
}

/** What a raw client offers, beside what ours does. */
export interface RawOffer {
  /** False leaves strict key exchange out. */
  strict?: boolean;
  kex?: string[];
  ciphers?: string[];
  /** The software in its identification line. */
  ident?: string;
  /** Sent as its half of the key exchange. */
  publicValue?: Buffer;
}

export function rawClient(stream: Socket, offer: RawOffer = {}): Promise<RawClient> {
  stream.setNoDelay(true);
  const library = new Client();
  const inbox: Buffer[] = [];
  let waiting: ((message: Buffer | undefined) => void) | undefined;
  let over = false;
  let said = "nothing";
  library.on("error", (error: Error) => said = error.message);
  const closed = new Promise<void>((resolve) => {
    library.once("close", () => {
      over = true;
      waiting?.(undefined);
      resolve();
    });
  });
  return new Promise((resolve, reject) => {
    closed.then(() => reject(new Error(`the server hung up during the handshake: ${said}`)));
    library.connect({
      sock: stream,
      username: "raw",
      ident: offer.ident,
      algorithms: clientAlgorithms(HOST_CERTIFICATE_ALGORITHMS),
      hostVerifier: () => {
        accepted();
        return true;
      },
      authHandler: () => resolve(client),
    });
    const protocol = library._protocol;
    const { strict = true, ciphers } = offer;
    const own = offer.kex ? [...offer.kex, "kex-strict-c-v00@openssh.com"] : protocol._offer.lists.kex.array;
    const kex = own.filter((name) => strict || !name.startsWith("kex-strict"));
    protocol._offer = withLists(protocol._offer, { kex, ciphers });
    const { publicValue } = offer;
    if (publicValue) onKeyExchange(protocol, (exchange) => exchange.getPublicKey = () => publicValue);
    if (!strict) protocol._strictMode = false; // ssh2 looks at the other side's marker only
    const accepted = acceptHostCertificates(protocol);
    const dispatch = protocol._onPayload;
    protocol._onPayload = (payload: Buffer) => {
      const number = payload[0] ?? 0;
      if (number < MESSAGE.userauthRequest) return dispatch(payload);
      const copy = Buffer.from(payload);
      if (waiting) waiting(copy);
      else inbox.push(copy);
      waiting = undefined;
    };
    const client: RawClient = {
      get sessionId() {
        return protocol._kex?.sessionID ?? Buffer.alloc(0);
      },
      get kex() {
        const { _kex: current } = protocol;
        if (!current) throw new Error("there was no key exchange");
        return current.negotiated;
      },
      send: (message) => {
        if (!over) sendMessage(protocol, message);
      },
      receive: () => {
        const message = inbox.shift();
        if (message || over) return Promise.resolve(message);
        return new Promise((next) => waiting = next);
      },
      rekey: () => {
        const { promise, resolve } = Promise.withResolvers<number[]>();
        const { _decipher: decipher } = protocol;
        if (!decipher) throw new Error("there is no cipher yet");
        const seen: number[] = [];
        let dispatch = decipher._onPayload;
        const watch: typeof dispatch = (payload) => {
          const number = payload[0] ?? 0;
          if (number === MESSAGE.kexInit || seen.length > 0) seen.push(number);
          if (number === MESSAGE.newKeys) resolve(seen);
          if (number !== MESSAGE.kexInit) return dispatch(payload);
          const copy = Buffer.from(payload);
          // As on a long way: whatever the server still has to send would come now.
          setTimeout(() => dispatch(copy), HESITATION_MS);
        };
        // ssh2 sets another handler once it has seen the KEXINIT.
        Object.defineProperty(decipher, "_onPayload", { get: () => watch, set: (next) => dispatch = next });
        protocol.rekey();
        return promise;
      },
      closed,
      close: () => stream.destroy(),
    };
  });
}

/** A publickey request; without a signer it only asks whether the key would do. */
export function publicKeyRequest(
  client: RawClient,
  offer: {
    user: string;
    algorithm: string;
    blob: Uint8Array;
    signer?: PrivateKey;
    /** The algorithm that the signer uses. */
    signs?: string;
    signature?: Uint8Array;
  },
): Buffer {
  const { user, algorithm, blob, signer } = offer;
  const signed = signer !== undefined || offer.signature !== undefined;
  const request = new WireWriter().byte(MESSAGE.userauthRequest).string(user).string("ssh-connection")
    .string("publickey").boolean(signed).string(algorithm).string(blob).bytes();
  if (!signed) return request;
  const data = new WireWriter().string(client.sessionId).raw(request).bytes();
  const signature = offer.signature ?? (signer ? sign(signer, data, offer.signs) : new Uint8Array());
  return new WireWriter().raw(request).string(signature).bytes();
}

/** A request with a method that has no fields of its own, or with the fields given. */
export function authRequest(user: string, method: string, fields: Uint8Array = new Uint8Array()): Buffer {
  return new WireWriter().byte(MESSAGE.userauthRequest).string(user).string("ssh-connection").string(method)
    .raw(fields).bytes();
}

/** An SSH server whose identity is the key id of the certificate that signed. */
export interface SpyServer extends AsyncDisposable {
  readonly ca: PrivateKey;
  readonly server: SshServer<string>;
  readonly port: number;
  readonly connections: ServerConnection<string>[];
  readonly refusals: string[];
  /** Sessions that were asked for. */
  readonly sessions: string[];
  dial(): Promise<Socket>;
  /** Settles when somebody was refused. */
  refused(): Promise<string>;
}

export async function startSpyServer(
  limits: Partial<ServerLimits> = {},
  hostKey?: PrivateKey,
): Promise<SpyServer> {
  const [ca, hostCa, key] = [generateKey(), generateKey(), generateKey()];
  const now = () => Date.now() / 1000;
  const certificate = issueCertificate(hostCa, {
    kind: "host",
    key: key.publicKey,
    keyId: "server",
    principals: ["server"],
    validAfter: now() - 60,
    validBefore: now() + 3600,
  });
  const connections: ServerConnection<string>[] = [];
  const refusals: string[] = [];
  const sessions: string[] = [];
  const sockets: Socket[] = [];
  let tell: ((reason: string) => void) | undefined;
  const server = new SshServer<string>({
    hostCredential: { key: hostKey ?? key, certificate },
    authenticator: {
      certificate({ username, certificate }) {
        const authorities = [ca.publicKey];
        const why = checkCertificate(certificate, {
          kind: "user",
          authorities,
          principal: username,
          now: now(),
        });
        if (why) throw new AppError("unauthenticated", why);
        return certificate.keyId;
      },
    },
    routes: {
      session: (connection) => {
        sessions.push(connection.identity);
        return { exec: (channel) => channel.exit(0) };
      },
    },
    limits,
    onConnection: (connection) => void connections.push(connection),
    onRefused: (_remote, reason) => {
      refusals.push(reason);
      tell?.(reason);
    },
  });
  const listener = createServer((socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  return {
    ca,
    server,
    port,
    connections,
    refusals,
    sessions,
    dial: () =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve(socket));
        socket.on("error", ignored);
        sockets.push(socket);
      }),
    refused: () =>
      refusals[0] === undefined ? new Promise((resolve) => tell = resolve) : Promise.resolve(refusals[0]),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

/** A user's certificate by the spy server's CA. */
export function certifyUser(ca: PrivateKey, key: PrivateKey, keyId: string, principal: string) {
  const now = Date.now() / 1000;
  return issueCertificate(ca, {
    kind: "user",
    key: key.publicKey,
    keyId,
    principals: [principal],
    validAfter: now - 60,
    validBefore: now + 3600,
  });
}
