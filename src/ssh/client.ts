/**
 * An SSH client over any connected stream. It never goes on without a verified host certificate.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { type Certificate, isCertificateType, parseCertificate } from "./certificate.ts";
import { type ClientOptions, SshClient } from "./client_connection.ts";
import { peerText } from "./peer_text.ts";
import { parsePublicKey, type PublicKey } from "./public_key.ts";
import { clientAlgorithms } from "./ssh2/algorithms.ts";
import { installGate } from "./ssh2/gate.ts";
import { acceptHostCertificates } from "./ssh2/host_certificate.ts";
import type { Protocol } from "./ssh2/internals.ts";
import { HOST_CERTIFICATE_ALGORITHMS, HOST_KEY_ALGORITHMS } from "./ssh2/key_patch.ts";
import { Client } from "./ssh2/library.ts";
import { cipherReady } from "./ssh2/portable_cipher.ts";
import { guardKeyExchange } from "./ssh2/strict_kex.ts";
import { installTransport, type RekeyPolicy } from "./ssh2/transport.ts";
import { certificateLogin, type Credential, type RemoteCredential } from "./ssh2/user_certificate.ts";
import { WireReader } from "./wire.ts";

export { type RemoteForward, SshClient } from "./client_connection.ts";
export type { SessionOptions } from "./client_session.ts";
export type { Credential, RemoteCredential } from "./ssh2/user_certificate.ts";

export interface ConnectOptions extends ClientOptions {
  /** A connected stream; it is closed with the connection. */
  stream: Duplex & { setNoDelay?(on: boolean): unknown };
  username: string;
  /** Logs in with a certificate ... */
  credential?: Credential | RemoteCredential;
  /** ... or by answering the server's questions; `sessionId` is this connection's exchange hash. */
  answer?(question: string, sessionId: Buffer): string | Promise<string>;
  /** Must throw unless the certificate is the wanted host's; asked at every key exchange. */
  verifyHost(certificate: Certificate): undefined;
  /**
   * The same for a server that shows a key without a certificate. Without it such a server is not talked to: the two
   * sides agree on no kind of host key.
   */
  verifyHostKey?(key: PublicKey): undefined;
  /** Milliseconds for the handshake and the login together. */
  timeoutMs?: number;
  /** The server computes ciphers without libcrypto, as the auth role does: ChaCha20 is then the faster choice. */
  serverIsPortable?: boolean;
  /** When the keys are changed. */
  rekey?: Partial<RekeyPolicy>;
}

const DEFAULT_TIMEOUT_MS = 20_000;

/** Connects and logs in. @throws {AppError} unauthenticated, unavailable or timeout, with the reason. */
export async function connectSsh(options: ConnectOptions): Promise<SshClient> {
  await cipherReady;
  const library = new Client();
  const { stream } = options;
  stream.setNoDelay?.(true);
  stream.pause(); // the library listens a little later, and resumes it then; until then nothing may get lost
  let refusal: unknown;
  let authenticated = false;
  return await new Promise<SshClient>((resolve, reject) => {
    const fail = (error: unknown) => {
      stream.destroy();
      reject(toAppError(refusal ?? error));
    };
    library.on("error", fail);
    const closed = () => fail(new AppError("closed", "the server closed the connection before the login"));
    library.on("close", closed);
    library.on("ready", () => {
      authenticated = true;
      library.removeListener("error", fail);
      library.removeListener("close", closed); // and no other: they end timers
      resolve(new SshClient(library, gate, stream, options));
    });
    const host = { accepted: () => {} };
    library.connect({
      sock: stream,
      username: options.username,
      ident: "Teleport",
      algorithms: clientAlgorithms(
        options.verifyHostKey
          ? [...HOST_CERTIFICATE_ALGORITHMS, ...HOST_KEY_ALGORITHMS]
          : HOST_CERTIFICATE_ALGORITHMS,
        options.serverIsPortable === true,
      ),
      readyTimeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      authHandler: authMethods(
        options,
        () => library._protocol,
        (error) => {
          refusal = error;
          library.end();
        },
      ),
      hostVerifier: (blob: Buffer) => {
        try {
          const verdict: unknown = verifyShown(blob, options);
          // A promise, for one, would be a verdict that nobody waits for.
          if (verdict !== undefined) throw new AppError("internal", "the check of the host gave no verdict");
          host.accepted();
          return true;
        } catch (error) {
          refusal = error;
          return false;
        }
      },
    });
    host.accepted = acceptHostCertificates(library._protocol);
    guardKeyExchange(
      library,
      (reason) => refusal = new AppError("unavailable", `no SSH connection: ${reason}`),
    );
    installTransport(
      library,
      (reason) => {
        library.emit("error", new AppError("closed", `the connection to the server broke: ${reason}`));
        stream.destroy();
      },
      options.rekey,
    );
    const gate = installGate(library, "client", () => authenticated, (
      reason,
    ) => fail(new AppError("closed", `the server broke the protocol: ${reason}`)));
  });
}

/** What the server shows is a certificate, or a plain key where the caller deals with those. */
function verifyShown(blob: Buffer, { verifyHost, verifyHostKey }: ConnectOptions): unknown {
  const type = new WireReader(blob).text();
  return verifyHostKey && !isCertificateType(type)
    ? verifyHostKey(parsePublicKey(blob))
    : verifyHost(parseCertificate(blob));
}

function authMethods(
  options: ConnectOptions,
  protocol: () => Protocol,
  abort: (error: unknown) => void,
): unknown {
  const { username, credential, answer } = options;
  if (credential) return certificateLogin(username, credential, protocol, abort);
  if (!answer) return ["none"];
  const prompt = (
    _name: string,
    _instructions: string,
    _language: string,
    prompts: { prompt: string }[],
    finish: (answers: string[]) => void,
  ) => {
    const sessionId = protocol()._kex?.sessionID ?? Buffer.alloc(0);
    Promise.all(prompts.map((question) => answer(question.prompt, sessionId))).then(finish, abort);
  };
  return [{ type: "keyboard-interactive", username, prompt }];
}

function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  const text = peerText(new TextEncoder().encode(messageOf(error))); // it may quote the server, whoever that is
  if (/All configured authentication methods failed/.test(text)) {
    return new AppError("unauthenticated", "the server refused the login", { cause: error });
  }
  if (/Timed out/.test(text)) {
    return new AppError("timeout", "the server did not answer in time", { cause: error });
  }
  return new AppError("unavailable", `the SSH connection failed: ${text}`, { cause: error });
}
