/**
 * An authority of its own for a stand-in of an identity provider, and a certificate for 127.0.0.1.
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface ProviderTls {
  key: string;
  cert: string;
  /** For `ca_cert`. */
  ca: string;
}

export async function providerTls(): Promise<ProviderTls> {
  const make = () => crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const [authority, own] = await Promise.all([make(), make()]);
  const times = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 86_400_000) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Stand-in authority",
    ...times,
    keys: authority,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  const cert = await x509.X509CertificateGenerator.create({
    subject: "CN=localhost",
    issuer: ca.subject,
    ...times,
    publicKey: own.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: "ip", value: "127.0.0.1" },
        { type: "dns", value: "localhost" },
      ]),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", own.privateKey);
  return {
    key: x509.PemConverter.encode(key, "PRIVATE KEY"),
    cert: cert.toString("pem"),
    ca: ca.toString("pem"),
  };
}
