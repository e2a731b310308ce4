/**
 * SSH signatures (RFC 4253 section 6.6, RFC 5656 section 3.1.2, RFC 8332, RFC 8709 section 6). SHA-1 is never made
 * and never accepted.
 * @module
 */
import { Buffer } from "node:buffer";
import { sign as cryptoSign, verify as cryptoVerify } from "node:crypto";
import { isAppError } from "../base/errors.ts";
import type { PrivateKey } from "./private_key.ts";
import { curveOf, type PublicKey } from "./public_key.ts";
import { padded, WireReader, WireWriter } from "./wire.ts";

/** The signatures that {@linkcode verify} knows, by the names of RFC 8308 section 3.1. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

const RSA_HASHES: Readonly<Record<string, string>> = { "rsa-sha2-256": "sha256", "rsa-sha2-512": "sha512" };

/** The signature algorithm a key uses when none is asked for. */
export function defaultAlgorithm(key: PublicKey): string {
  return key.type === "ssh-rsa" ? "rsa-sha2-512" : key.type;
}

/**
 * Signs `data`.
 * @param algorithm for RSA keys: `rsa-sha2-512` (default) or `rsa-sha2-256`
 * @returns the signature blob: string algorithm, string signature
 */
export function sign(key: PrivateKey, data: Uint8Array, algorithm = defaultAlgorithm(key.publicKey)): Buffer {
  const { type } = key.publicKey;
  const blob = (signature: Uint8Array) => new WireWriter().string(algorithm).string(signature).bytes();
  if (type === "ssh-ed25519") return blob(cryptoSign(null, data, key.keyObject));
  if (type === "ssh-rsa") return blob(cryptoSign(RSA_HASHES[algorithm] ?? "sha512", data, key.keyObject));
  const curve = curveOf(type);
  const raw = cryptoSign(curve.hash, data, { key: key.keyObject, dsaEncoding: "ieee-p1363" });
  return blob(
    new WireWriter().mpint(raw.subarray(0, curve.length)).mpint(raw.subarray(curve.length)).bytes(),
  );
}

/**
 * True when `signature` is a signature of `data` by `key`.
 * @param algorithm if given, the only signature algorithm accepted
 */
export function verify(key: PublicKey, signature: Uint8Array, data: Uint8Array, algorithm?: string): boolean {
  try {
    const reader = new WireReader(signature);
    const used = reader.text();
    const bytes = reader.string();
    reader.end();
    if (algorithm !== undefined && used !== algorithm) return false;
    if (key.type === "ssh-rsa") {
      const hash = Object.hasOwn(RSA_HASHES, used) ? RSA_HASHES[used] : undefined;
      return hash !== undefined && cryptoVerify(hash, data, key.keyObject, bytes);
    }
    if (used !== key.type) return false;
    if (key.type === "ssh-ed25519") {
      return bytes.length === 64 && cryptoVerify(null, data, key.keyObject, bytes);
    }
    const curve = curveOf(key.type);
    const numbers = new WireReader(bytes);
    const r = padded(numbers.string(), curve.length);
    const s = padded(numbers.string(), curve.length);
    numbers.end();
    const options = { key: key.keyObject, dsaEncoding: "ieee-p1363" as const };
    return cryptoVerify(curve.hash, data, options, Buffer.concat([r, s]));
  } catch (error) {
    if (isAppError(error, "bad_input")) return false; // malformed signature or key: not a signature by this key
    throw error;
  }
}
