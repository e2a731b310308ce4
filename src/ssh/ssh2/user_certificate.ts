/**
 * Client authentication with a certificate: ssh2 would write the certificate's algorithm as the signature's type,
 * where OpenSSH wants the plain one (PROTOCOL.certkeys), and would ask first whether the key may be used. We sign at
 * once: one round trip less for every connection.
 * @module
 */
import { Buffer } from "node:buffer";
import { type Certificate, CERTIFICATE_SUFFIX } from "../certificate.ts";
import type { PrivateKey } from "../private_key.ts";
import { defaultAlgorithm, sign } from "../signature.ts";
import { WireWriter } from "../wire.ts";
import type { Protocol } from "./internals.ts";
import { libraryKey, ProtocolPrototype, sendMessage } from "./library.ts";

const USERAUTH_REQUEST = 50;

/** A key and its certificate, ready to log in with. */
export interface Credential {
  key: PrivateKey;
  certificate: Certificate;
}

const credentials = new WeakMap<object, Credential>();

/** A key object that ssh2 accepts wherever it takes a parsed key, and that logs in with the certificate. */
export function loginKey(credential: Credential): object {
  const plain = libraryKey(credential.certificate.key.toLine());
  const key = Object.create(plain, {
    isPrivateKey: { value: () => true },
    getPrivatePEM: { value: () => "" }, // ssh2 only asks whether there is one
    getPublicSSH: { value: () => credential.certificate.blob },
  });
  credentials.set(key, credential);
  return key;
}

type AuthPK = (this: Protocol, user: string, key: object, ...rest: unknown[]) => void;
const authPK = ProtocolPrototype.authPK as AuthPK;

ProtocolPrototype.authPK = function (this: Protocol, user: string, key: object, ...rest: unknown[]): void {
  const credential = credentials.get(key);
  if (!credential) return authPK.call(this, user, key, ...rest);
  const algorithm = defaultAlgorithm(credential.key.publicKey);
  const request = new WireWriter().byte(USERAUTH_REQUEST).string(user).string("ssh-connection")
    .string("publickey").boolean(true).string(algorithm + CERTIFICATE_SUFFIX)
    .string(credential.certificate.blob).bytes();
  const sessionId = this._kex?.sessionID ?? Buffer.alloc(0);
  const signed = new WireWriter().string(sessionId).raw(request).bytes();
  this._authsQueue.push("publickey");
  sendMessage(this, new WireWriter().raw(request).string(sign(credential.key, signed, algorithm)).bytes());
} satisfies AuthPK;
