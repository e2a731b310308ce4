/**
 * An SSH client over any connected stream. It never goes on without a verified host certificate.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import type { ClientSession, PtyRequest } from "./channel.ts";
import { ClientSessionOverSsh2 } from "./client_session.ts";
import { clientAlgorithms } from "./ssh2/algorithms.ts";
import { installGate } from "./ssh2/gate.ts";
import { acceptHostCertificates } from "./ssh2/host_certificate.ts";
import type { ChannelCallback, Ssh2Channel, Ssh2Client } from "./ssh2/internals.ts";
import { HOST_CERTIFICATE_ALGORITHMS } from "./ssh2/key_patch.ts";
import { Client } from "./ssh2/library.ts";
import { cipherReady } from "./ssh2/portable_cipher.ts";
import { installTransport, type RekeyPolicy } from "./ssh2/transport.ts";
import { type Credential, loginKey } from "./ssh2/user_certificate.ts";
import { modeNames } from "./terminal_modes.ts";

export type { Credential } from "./ssh2/user_certificate.ts";

export interface ConnectOptions {
  /** A connected stream; it is closed with the connection. */
  stream: Duplex & { setNoDelay?(on: boolean): unknown };
  username: string;
  /** Logs in with a certificate ... */
  credential?: Credential;
  /** ... or by answering the server's questions; `sessionId` is this connection's exchange hash. */
  answer?(question: string, sessionId: Buffer): string | Promise<string>;
  /** Must throw unless the certificate is the wanted host's. */
  verifyHost(certificate: Certificate): void;
  /** Milliseconds for the handshake and the login together. */
  timeoutMs?: number;
  keepAliveMs?: number;
  /** The server computes ciphers without libcrypto, as the auth role does: ChaCha20 is then the faster choice. */
  serverIsPortable?: boolean;
  /** When the keys are changed. */
  rekey?: Partial<RekeyPolicy>;
}

export interface SessionOptions {
  pty?: PtyRequest;
  env?: Record<string, string>;
}

const DEFAULT_TIMEOUT_MS = 20_000;
/** How long a closing connection may take to send its last bytes. */
const CLOSE_GRACE_MS = 500;

/** Connects and logs in. @throws {AppError} unauthenticated, unavailable or timeout, with the reason. */
export async function connectSsh(options: ConnectOptions): Promise<SshClient> {
  await cipherReady;
  const library = new Client();
  const { stream } = options;
  stream.setNoDelay?.(true);
  let refusal: unknown;
  let authenticated = false;
  return await new Promise<SshClient>((resolve, reject) => {
    const fail = (error: unknown) => {
      stream.destroy();
      reject(toAppError(refusal ?? error));
    };
    library.on("error", fail);
    library.on(
      "close",
      () => fail(new AppError("closed", "the server closed the connection before the login")),
    );
    library.on("ready", () => {
      authenticated = true;
      library.removeListener("error", fail);
      library.removeAllListeners("close");
      resolve(new SshClient(library, options));
    });
    const host = { accepted: () => {} };
    library.connect({
      sock: stream,
      username: options.username,
      ident: "Teleport",
      algorithms: clientAlgorithms(HOST_CERTIFICATE_ALGORITHMS, options.serverIsPortable === true),
      readyTimeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      keepaliveInterval: options.keepAliveMs ?? 0,
      authHandler: authMethods(
        options,
        () => library._protocol._kex?.sessionID ?? Buffer.alloc(0),
        (error) => {
          refusal = error;
          library.end();
        },
      ),
      hostVerifier: (blob: Buffer) => {
        try {
          options.verifyHost(parseCertificate(blob));
          host.accepted();
          return true;
        } catch (error) {
          refusal = error;
          return false;
        }
      },
    });
    host.accepted = acceptHostCertificates(library._protocol);
    installTransport(
      library,
      (reason) => {
        library.emit("error", new AppError("closed", `the connection to the server broke: ${reason}`));
        stream.destroy();
      },
      options.rekey,
    );
    installGate(library, "client", () => authenticated, (
      reason,
    ) => fail(new AppError("closed", `the server broke the protocol: ${reason}`)));
  });
}

function authMethods(
  options: ConnectOptions,
  sessionId: () => Buffer,
  abort: (error: unknown) => void,
): unknown[] {
  const { username, credential, answer } = options;
  if (credential) return [{ type: "publickey", username, key: loginKey(credential) }];
  if (!answer) return ["none"];
  const prompt = (
    _name: string,
    _instructions: string,
    _language: string,
    prompts: { prompt: string }[],
    finish: (answers: string[]) => void,
  ) => {
    Promise.all(prompts.map((question) => answer(question.prompt, sessionId()))).then(finish, abort);
  };
  return [{ type: "keyboard-interactive", username, prompt }];
}

function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  const text = messageOf(error);
  if (/All configured authentication methods failed/.test(text)) {
    return new AppError("unauthenticated", "the server refused the login", { cause: error });
  }
  if (/Timed out/.test(text)) {
    return new AppError("timeout", "the server did not answer in time", { cause: error });
  }
  return new AppError("unavailable", `the SSH connection failed: ${text}`, { cause: error });
}

/** A logged-in connection. */
export class SshClient {
  readonly #library: Ssh2Client;
  readonly sessionId: Buffer;
  /** Settles when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
  #open = true;

  constructor(library: Ssh2Client, options: ConnectOptions) {
    this.#library = library;
    this.sessionId = library._protocol._kex?.sessionID ?? Buffer.alloc(0);
    library.on("error", () => options.stream.destroy()); // "close" follows and tells everyone
    this.closed = new Promise((resolve) => {
      library.once("close", () => {
        this.#open = false;
        resolve();
      });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  exec(command: string, options: SessionOptions = {}): Promise<ClientSession> {
    return this.#session(
      `run "${command}"`,
      (done) => this.#library.exec(command, sessionConfig(options), done),
    );
  }

  shell(options: SessionOptions = {}): Promise<ClientSession> {
    const { pty, env } = sessionConfig(options);
    return this.#session("start a shell", (done) => this.#library.shell(pty ?? false, { env }, done));
  }

  subsystem(name: string): Promise<ClientSession> {
    return this.#session(`start the subsystem "${name}"`, (done) => this.#library.subsys(name, done));
  }

  /** A connection from the server to `host:port` (RFC 4254 section 7.2). */
  directTcpip(host: string, port: number, origin = { address: "127.0.0.1", port: 0 }): Promise<Duplex> {
    const request = (done: ChannelCallback) =>
      this.#library.forwardOut(origin.address, origin.port, host, port, done);
    return this.#channel(`connect to ${host}:${port}`, request, (channel) => channel);
  }

  #session(what: string, request: (done: ChannelCallback) => void): Promise<ClientSession> {
    return this.#channel(what, request, (channel) => new ClientSessionOverSsh2(channel));
  }

  /** `wrap` runs at once: the server's next messages may stand in the same packet as its confirmation. */
  #channel<T>(
    what: string,
    request: (done: ChannelCallback) => void,
    wrap: (channel: Ssh2Channel) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown) =>
        reject(
          new AppError("unavailable", `the server refused to ${what}: ${messageOf(error)}`, { cause: error }),
        );
      try {
        request((error, channel) => error ? refuse(error) : resolve(wrap(channel)));
      } catch (error) {
        refuse(error);
      }
    });
  }

  close(): void {
    this.#library.end();
    const socket = this.#library._sock;
    socket.end();
    setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
  }
}

function sessionConfig(
  options: SessionOptions,
): { pty?: Record<string, unknown>; env?: Record<string, string> } {
  const { pty, env } = options;
  if (!pty) return { env };
  const { columns: cols, rows, width, height, term, modes } = pty;
  return { env, pty: { cols, rows, width, height, term, modes: modeNames(modes) } };
}
