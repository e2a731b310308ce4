/**
 * The key with which requests to a SAML provider are signed, made when the connector brings none.
 * @module
 */
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import type { Clock } from "../../../../base/clock.ts";
import { DAY, HOUR } from "../../../../base/duration.ts";
import { AppError } from "../../../../base/errors.ts";

const ALGORITHM = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: "SHA-256",
};
/** Providers compare the certificate; nobody checks how long it lives. */
const LIFETIME = 3650 * DAY;

export interface SigningKeyPair {
  /** PEM. */
  private_key: string;
  cert: string;
}

export async function makeSigningKey(clock: Clock): Promise<SigningKeyPair> {
  // Loaded here because it is needed once. The first is what the second leans on.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const notBefore = clock.now() - HOUR;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ["Teleport SAML"] }],
    serialNumber: `5${crypto.randomUUID().replaceAll("-", "").slice(1)}`,
    notBefore: new Date(notBefore),
    notAfter: new Date(notBefore + LIFETIME),
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { private_key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"), cert: certificate.toString("pem") };
}

/** @throws {AppError} bad_input unless the two belong together and are RSA; the text holds nothing of the key */
export function checkSigningKey({ private_key: key, cert }: SigningKeyPair): void {
  let fits = false;
  try {
    const own = createPrivateKey(key);
    const spki = (from: ReturnType<typeof createPublicKey>) =>
      from.export({ type: "spki", format: "pem" }).toString();
    fits = own.asymmetricKeyType === "rsa" &&
      spki(createPublicKey(own)) === spki(new X509Certificate(cert).publicKey);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  if (fits) return;
  throw new AppError(
    "bad_input",
    "spec.signing_key_pair: expected an RSA private key and its certificate, both PEM; leave it out to have one made",
  );
}
