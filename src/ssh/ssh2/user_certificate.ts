/**
 * Client authentication with a certificate: ssh2 would write the certificate's algorithm as the signature's type,
 * where OpenSSH wants the plain one (PROTOCOL.certkeys), and would ask first whether the key may be used. We sign at
 * once: one round trip less for every connection.
 * @module
 */
import { Buffer } from "node:buffer";
import { AppError } from "../../base/errors.ts";
import { type Certificate, CERTIFICATE_SUFFIX } from "../certificate.ts";
import type { PrivateKey } from "../private_key.ts";
import { sign, verify } from "../signature.ts";
import { WireWriter } from "../wire.ts";
import { signatureAlgorithmsOf } from "./ext_info.ts";
import type { Protocol } from "./internals.ts";
import { libraryKey, ProtocolPrototype, sendMessage } from "./library.ts";

const USERAUTH_REQUEST = 50;

/** A key and its certificate, ready to log in with. */
export interface Credential {
  key: PrivateKey;
  certificate: Certificate;
}

/** A certificate whose key somebody else holds, as an agent does. */
export interface RemoteCredential {
  certificate: Certificate;
  /** @returns the signature blob, of the signature algorithm asked for */
  sign(data: Buffer, algorithm: string): Promise<Buffer>;
}

/** One try to log in. */
interface Attempt {
  credential: Credential | RemoteCredential;
  /** The signature's, as `rsa-sha2-512`. */
  algorithm: string;
  abort(error: unknown): void;
}

const attempts = new WeakMap<object, Attempt>();

/** A key object that ssh2 accepts wherever it takes a parsed key, and that logs in with the certificate. */
function loginKey(attempt: Attempt): object {
  const { certificate } = attempt.credential;
  const key = Object.create(libraryKey(certificate.key.toLine()), {
    type: { value: attempt.algorithm + CERTIFICATE_SUFFIX },
    isPrivateKey: { value: () => true },
    getPrivatePEM: { value: () => "" }, // ssh2 only asks whether there is one
    getPublicSSH: { value: () => certificate.blob },
  });
  attempts.set(key, attempt);
  return key;
}

/**
 * The `authHandler` of an ssh2 client that logs in with a certificate. An RSA key has two signature algorithms: the
 * server's EXT_INFO tells which, else both are tried, the stronger first.
 * @param protocol the connection's, which does not exist yet
 * @param abort called when a signature cannot be had; it must end the connection
 */
export function certificateLogin(
  username: string,
  credential: Credential | RemoteCredential,
  protocol: () => Protocol,
  abort: (error: unknown) => void,
): () => object | false {
  const { type } = credential.certificate.key;
  let left: string[] | undefined;
  return () => {
    if (!left) {
      const all = type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type];
      const known = signatureAlgorithmsOf(protocol());
      const both = known ? all.filter((name) => known.includes(name)) : all;
      left = both.length > 0 ? both : all;
    }
    const algorithm = left.shift();
    if (algorithm === undefined) return false;
    return { type: "publickey", username, key: loginKey({ credential, algorithm, abort }) };
  };
}

type AuthPK = (this: Protocol, user: string, key: object, ...rest: unknown[]) => void;
const authPK = ProtocolPrototype.authPK as AuthPK;

ProtocolPrototype.authPK = function (this: Protocol, user: string, key: object, ...rest: unknown[]): void {
  const attempt = attempts.get(key);
  if (!attempt) return authPK.call(this, user, key, ...rest);
  const { credential, algorithm, abort } = attempt;
  const { certificate } = credential;
  const request = new WireWriter().byte(USERAUTH_REQUEST).string(user).string("ssh-connection")
    .string("publickey").boolean(true).string(algorithm + CERTIFICATE_SUFFIX)
    .string(certificate.blob).bytes();
  const sessionId = this._kex?.sessionID ?? Buffer.alloc(0);
  const data = new WireWriter().string(sessionId).raw(request).bytes();
  const send = (signature: Buffer) => {
    this._authsQueue.push("publickey");
    sendMessage(this, new WireWriter().raw(request).string(signature).bytes());
  };
  if ("key" in credential) return send(sign(credential.key, data, algorithm));
  credential.sign(data, algorithm).then((signature) => {
    if (verify(certificate.key, signature, data, algorithm)) return send(signature);
    throw new AppError(
      "unauthenticated",
      `the agent did not sign with ${algorithm} and the certificate's key`,
    );
  }).catch(abort);
} satisfies AuthPK;
