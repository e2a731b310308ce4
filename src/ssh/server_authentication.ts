/**
 * User authentication on the server side (RFC 4252). An identity is what the authenticator returned for the certificate
 * whose key signed this very session; offering a key proves nothing.
 * @module
 */
import { Buffer } from "node:buffer";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { type Certificate, CERTIFICATE_SUFFIX, parseCertificate } from "./certificate.ts";
import { printable } from "./public_key.ts";
import { SIGNATURE_ALGORITHMS, verify } from "./signature.ts";
import type { AuthContext, InteractiveContext, PublicKeyContext, Ssh2Connection } from "./ssh2/internals.ts";
import { plainAlgorithm } from "./ssh2/key_patch.ts";

const log = logger("ssh");

/** A client that shows a certificate. */
export interface CertificateAttempt {
  username: string;
  certificate: Certificate;
  remote: { address: string; port: number; via?: string };
  /** False while the client only asks whether the certificate would do. */
  proven: boolean;
}

/** A client that answers questions (RFC 4256). */
export interface Dialog {
  username: string;
  remote: { address: string; port: number };
  /** The exchange hash of the connection, to bind proofs to. */
  sessionId: Buffer;
  /** Asks one question; rejects when the client went away. */
  ask(question: string): Promise<string>;
}

/** Decides who a client is. Throwing an AppError refuses; the reason is not told to the client. */
export interface Authenticator<I> {
  certificate(attempt: CertificateAttempt): I | Promise<I>;
  /** If absent, keyboard-interactive is not offered. */
  dialog?(dialog: Dialog): Promise<I>;
  /** Told about certificates that were refused before {@linkcode certificate} saw them, for the audit log. */
  onUnproven?(
    attempt: { username: string; reason: string; remote: { address: string; port: number } },
  ): void;
  /** Told about every try that is not a certificate (a plain key, a password), for the audit log. */
  onOtherMethod?(
    attempt: { username: string; method: string; remote: { address: string; port: number } },
  ): void;
}

export interface AuthenticationOptions<I> {
  remote: { address: string; port: number; via?: string };
  maxTries: number;
  onAccepted(username: string, identity: I): void;
  onExhausted(): void;
}

/** Answers the authentication requests of one connection. */
export function authenticateOn<I>(
  library: Ssh2Connection,
  authenticator: Authenticator<I>,
  options: AuthenticationOptions<I>,
): void {
  const methods = authenticator.dialog ? ["publickey", "keyboard-interactive"] : ["publickey"];
  let failures = 0;
  let accepted = false;
  let gone = false;
  const leaving = new Promise<never>((_, reject) => {
    const leave = () => {
      gone = true;
      reject(new AppError("closed", "the client went away"));
    };
    library.once("end", leave).once("close", leave);
  });
  leaving.catch(() => {}); // only dialogs wait for it

  const fail = (context: AuthContext) => {
    if (gone) return; // ssh2 refuses to send on a closed connection
    failures++;
    if (failures > options.maxTries) return options.onExhausted();
    context.reject(methods);
  };
  const succeed = (context: AuthContext, identity: I) => {
    if (accepted || gone) return;
    accepted = true;
    options.onAccepted(context.username, identity);
    context.accept();
  };

  library.on("authentication", (context: AuthContext) => {
    run(context).catch((error: unknown) => {
      if (!isAppError(error)) log.error("a login failed unexpectedly: {error}", { error: messageOf(error) });
      fail(context);
    });
  });

  async function run(context: AuthContext): Promise<void> {
    if (context.method === "none") return context.reject(methods); // a client asking for the methods: not a failure
    if (isPublicKey(context)) return await certificate(context);
    if (isInteractive(context) && authenticator.dialog) {
      const sessionId = library._protocol._kex?.sessionID;
      if (!sessionId) throw new AppError("internal", "no session id");
      const identity = await authenticator.dialog({
        username: context.username,
        remote: options.remote,
        sessionId,
        ask: (question) => Promise.race([ask(context, question), leaving]),
      });
      return succeed(context, identity);
    }
    authenticator.onOtherMethod?.({
      username: context.username,
      method: context.method,
      remote: options.remote,
    });
    fail(context);
  }

  async function certificate(context: PublicKeyContext): Promise<void> {
    const { username } = context;
    if (!context.key.algo.endsWith(CERTIFICATE_SUFFIX)) {
      authenticator.onOtherMethod?.({ username, method: "plain public key", remote: options.remote });
      return fail(context);
    }
    const proven = context.signature !== undefined && context.blob !== undefined;
    const parsed = readCertificate(context, proven);
    const identity = await authenticator.certificate({
      username,
      certificate: parsed,
      remote: options.remote,
      proven,
    });
    if (proven) succeed(context, identity);
    else if (!gone) context.accept(); // "this key would do": ssh2 answers PK_OK, nothing is granted
  }

  /** The presented certificate, and if `proven` one whose key signed this session. */
  function readCertificate(context: PublicKeyContext, proven: boolean): Certificate {
    try {
      const parsed = parseCertificate(context.key.data);
      const algorithm = announcedAlgorithm(context, parsed);
      if (proven) checkSignature(context, parsed, algorithm);
      return parsed;
    } catch (error) {
      if (isAppError(error)) {
        const { username } = context;
        authenticator.onUnproven?.({ username, reason: error.message, remote: options.remote });
      }
      throw error;
    }
  }
}

/** The signature algorithm that goes with the announced name: one that we verify, of the certified key's kind. */
function announcedAlgorithm(context: PublicKeyContext, certificate: Certificate): string {
  const algorithm = plainAlgorithm(context.key.algo) ?? "";
  const type = algorithm.startsWith("rsa-sha2-") ? "ssh-rsa" : algorithm;
  if (type === certificate.key.type && SIGNATURE_ALGORITHMS.includes(algorithm)) return algorithm;
  const name = printable(context.key.algo);
  throw new AppError(
    "unauthenticated",
    `${name} is not accepted for a certificate of an ${certificate.key.type} key`,
  );
}

/** The signature must be by the certified key, over this session, with the algorithm that was announced. */
function checkSignature(context: PublicKeyContext, certificate: Certificate, algorithm: string): void {
  const { signature, blob } = context;
  if (!signature || !blob || !verify(certificate.key, signature, blob, algorithm)) {
    throw new AppError("unauthenticated", "the signature does not fit the certificate's key");
  }
}

function ask(context: InteractiveContext, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    context.prompt([{ prompt: question, echo: false }], "", "", (answers) => {
      const answer = Array.isArray(answers) ? answers[0] : undefined;
      if (typeof answer === "string" && answer.length <= 4096) resolve(answer);
      else reject(new AppError("unauthenticated", "the dialog was broken off"));
    });
  });
}

function isPublicKey(context: AuthContext): context is PublicKeyContext {
  return context.method === "publickey";
}

function isInteractive(context: AuthContext): context is InteractiveContext {
  return context.method === "keyboard-interactive";
}
