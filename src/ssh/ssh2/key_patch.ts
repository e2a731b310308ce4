/**
 * Lets ssh2 negotiate host certificates: their names are added to what it supports, and its key parser reads the plain
 * key out of a certificate blob. Must load before ssh2's key exchange code, which keeps its own reference.
 * @module
 */
import type { Buffer } from "node:buffer";
import { verify } from "node:crypto";
import constantsModule from "ssh2/lib/protocol/constants.js";
import keyParserModule from "ssh2/lib/protocol/keyParser.js";
import { curveOf, type PublicKey, readPublicKeyFields } from "../public_key.ts";
import { WireReader } from "../wire.ts";

/** Host key algorithms with certificates, strongest first. */
export const HOST_CERTIFICATE_ALGORITHMS: readonly string[] = [
  "ssh-ed25519-cert-v01@openssh.com",
  "ecdsa-sha2-nistp256-cert-v01@openssh.com",
  "ecdsa-sha2-nistp384-cert-v01@openssh.com",
  "ecdsa-sha2-nistp521-cert-v01@openssh.com",
  "rsa-sha2-512-cert-v01@openssh.com",
  "rsa-sha2-256-cert-v01@openssh.com",
];

/** Host keys without a certificate that ssh2 verifies in this runtime, for clients that know what they do with them. */
export const HOST_KEY_ALGORITHMS: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

const CERTIFICATE_ALGORITHM = /^(.*)-cert-v01@openssh\.com$/;

/** The plain algorithm of a certificate algorithm: `rsa-sha2-512` of `rsa-sha2-512-cert-v01@openssh.com`. */
export function plainAlgorithm(algorithm: string): string | undefined {
  return CERTIFICATE_ALGORITHM.exec(algorithm)?.[1];
}

const keyParser = keyParserModule as { parseDERKey(data: Buffer, type: string): unknown };
const parseDERKey = keyParser.parseDERKey;

/** ssh2 hands over what follows the type name: of a certificate, a nonce and then the plain key's own fields. */
keyParser.parseDERKey = (data, type) => {
  const plain = plainAlgorithm(type);
  if (plain === undefined) return parseDERKey(data, type);
  try {
    const reader = new WireReader(data);
    reader.string();
    return new CertifiedKey(readPublicKeyFields(plain, reader));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error)); // ssh2 takes errors as values here
  }
};

/** What ssh2 checks a host's signature with. Its own keys fail in this runtime for some curves. */
class CertifiedKey {
  readonly #key: PublicKey;

  constructor(key: PublicKey) {
    this.#key = key;
  }

  /**
   * @param signature in DER for ECDSA
   * @param hash given for RSA
   */
  verify(data: Buffer, signature: Buffer, hash?: string): boolean {
    const { type, keyObject } = this.#key;
    if (type === "ssh-ed25519") return signature.length === 64 && verify(null, data, keyObject, signature);
    if (type === "ssh-rsa") return hash !== undefined && verify(hash, data, keyObject, signature);
    return verify(curveOf(type).hash, data, keyObject, signature);
  }
}

const { SUPPORTED_SERVER_HOST_KEY } = constantsModule as { SUPPORTED_SERVER_HOST_KEY: string[] };
SUPPORTED_SERVER_HOST_KEY.push(...HOST_CERTIFICATE_ALGORITHMS);
