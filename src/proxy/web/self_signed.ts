/**
 * The web certificate of a trial cluster: self-signed, made at first start, good for encryption and not for trust.
 * @module
 */
import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { DAY, HOUR } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { TlsMaterial } from "./tls_material.ts";

/**
 * Apple's platforms refuse server certificates that live longer, even ones a user chose to trust. The caller makes a
 * new pair in good time.
 */
const LIFETIME = 825 * DAY;

/** Clients whose clocks are a little behind accept the certificate too. */
const BACKDATE = HOUR;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Labels as host names have them, perhaps below a wildcard. */
const DNS_NAME =
  /^(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/**
 * Makes an ECDSA P-256 key and a certificate for it that lives 825 days.
 *
 * It is no CA (`CA:FALSE`): strict clients refuse a CA certificate as a server's own, even when told to trust it.
 * @param names DNS names and IP addresses, each becoming a subject alternative name; the first also the common name.
 * @throws {AppError} bad_input when there is no name or one is neither.
 */
export async function selfSigned(names: readonly string[], clock: Clock): Promise<TlsMaterial> {
  const [first] = names;
  if (first === undefined) throw new AppError("bad_input", "a web certificate needs at least one host name");
  const alternatives = names.map(alternativeName);

  // Loaded here because few starts of few roles ever need it. The first is what the second leans on.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");

  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const notBefore = clock.now() - BACKDATE;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // A common name holds 64 characters; the alternative names are what clients check.
    name: [{ CN: [first.slice(0, 64)] }],
    serialNumber: serialNumber(),
    notBefore: new Date(notBefore),
    notAfter: new Date(notBefore + LIFETIME),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"), cert: certificate.toString("pem") };
}

function alternativeName(name: string): { type: "ip" | "dns"; value: string } {
  if (isIP(name) !== 0) return { type: "ip", value: name };
  if (DNS_NAME.test(name)) return { type: "dns", value: name.toLowerCase() };
  throw new AppError("bad_input", `${JSON.stringify(name)} is neither a DNS name nor an IP address`);
}

/** 127 random bits: positive, as RFC 5280 section 4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f | 0x40;
  return Buffer.from(bytes).toString("hex");
}
