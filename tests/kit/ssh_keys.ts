/**
 * Keys and certificates of every kind that SSH connections of ours can meet.
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { type Certificate, type CertificateTemplate, issueCertificate } from "../../src/ssh/certificate.ts";
import { generateKey, PrivateKey } from "../../src/ssh/private_key.ts";
import { fromJwk } from "../../src/ssh/public_key.ts";

export const KEY_KINDS = ["ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa"] as const;
export type KeyKind = typeof KEY_KINDS[number];

/** A new key. */
export function makeKey(kind: KeyKind): PrivateKey {
  if (kind === "ed25519") return generateKey();
  const { privateKey } = kind === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: `P-${kind.slice(-3)}` });
  return new PrivateKey(privateKey, fromJwk(privateKey.export({ format: "jwk" })));
}

/** The signature algorithms of a key. */
export function signaturesOf(kind: KeyKind): string[] {
  if (kind === "ed25519") return ["ssh-ed25519"];
  return kind === "rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [`ecdsa-sha2-nistp${kind.slice(-3)}`];
}

/** A certificate for an hour. */
export function certify(
  ca: PrivateKey,
  kind: "user" | "host",
  key: PrivateKey,
  principals: readonly string[],
  change: Partial<CertificateTemplate> = {},
): Certificate {
  const now = Date.now() / 1000;
  return issueCertificate(ca, {
    kind,
    key: key.publicKey,
    keyId: "test",
    principals,
    validAfter: now - 60,
    validBefore: now + 3600,
    extensions: kind === "user" ? { "permit-pty": "", "permit-port-forwarding": "" } : {},
    ...change,
  });
}
