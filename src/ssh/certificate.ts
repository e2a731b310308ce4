/**
 * OpenSSH certificates (OpenSSH PROTOCOL.certkeys): reading, checking, issuing. Strict by intent: a certificate that is
 * odd in any way is refused.
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { AppError } from "../base/errors.ts";
import type { PrivateKey } from "./private_key.ts";
import { parsePublicKey, printable, type PublicKey, readPublicKeyFields } from "./public_key.ts";
import { sign, verify } from "./signature.ts";
import { WireReader, WireWriter } from "./wire.ts";

export const CERTIFICATE_SUFFIX = "-cert-v01@openssh.com";

/** "Valid forever" in a certificate. */
const FOREVER = 0xffff_ffff_ffff_ffffn;
const MAX_CERTIFICATE_BYTES = 64 * 1024;
const MAX_PRINCIPALS = 256;

export type CertificateKind = "user" | "host";

/** A parsed certificate. Nothing in it may be believed before {@linkcode checkCertificate} accepted it. */
export interface Certificate {
  /** As `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: string;
  readonly kind: CertificateKind;
  readonly key: PublicKey;
  readonly serial: bigint;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since the epoch. */
  readonly validAfter: number;
  /** Seconds since the epoch; Infinity when it never expires. */
  readonly validBefore: number;
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
  readonly authority: PublicKey;
  readonly signature: Buffer;
  readonly signed: Buffer;
  readonly blob: Buffer;
}

/** True for the type name of a certificate. */
export function isCertificateType(type: string): boolean {
  return type.endsWith(CERTIFICATE_SUFFIX);
}

/** Parses a certificate blob. The authority's key must be a plain key: certificates do not nest. */
export function parseCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > MAX_CERTIFICATE_BYTES) throw new AppError("bad_input", "the certificate is too large");
  const blob = Buffer.from(bytes); // a copy: callers hand in views of network buffers
  const reader = new WireReader(blob);
  const type = reader.text();
  if (!isCertificateType(type)) throw new AppError("bad_input", "the key is not a certificate");
  reader.string(); // nonce
  const key = readPublicKeyFields(type.slice(0, -CERTIFICATE_SUFFIX.length), reader);
  const serial = reader.uint64();
  const kind = reader.uint32();
  const keyId = reader.text();
  const principals = readPrincipals(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = readOptions(reader.string());
  const extensions = readOptions(reader.string());
  reader.string(); // reserved
  const authority = parsePublicKey(reader.string());
  const signed = blob.subarray(0, reader.offset);
  const signature = reader.string();
  reader.end();
  if (kind !== 1 && kind !== 2) {
    throw new AppError("bad_input", "the certificate is neither for a user nor a host");
  }
  return {
    type,
    kind: kind === 1 ? "user" : "host",
    key,
    serial,
    keyId,
    principals,
    validAfter: Number(validAfter),
    validBefore: validBefore === FOREVER ? Infinity : Number(validBefore),
    criticalOptions,
    extensions,
    authority,
    signature,
    signed,
    blob,
  };
}

function readPrincipals(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const principals: string[] = [];
  while (reader.remaining > 0) {
    if (principals.length === MAX_PRINCIPALS) {
      throw new AppError("bad_input", "the certificate has too many principals");
    }
    principals.push(reader.text());
  }
  return principals;
}

/** Options are sorted and unique; a value is empty or one string inside the data (PROTOCOL.certkeys). */
function readOptions(bytes: Buffer): Map<string, string> {
  const reader = new WireReader(bytes);
  const options = new Map<string, string>();
  let last = "";
  while (reader.remaining > 0) {
    const name = reader.text();
    const data = reader.string();
    if (options.size > 0 && !(name > last)) {
      throw new AppError("bad_input", "the certificate's options are not sorted");
    }
    last = name;
    if (data.length === 0) {
      options.set(name, "");
      continue;
    }
    const value = new WireReader(data);
    options.set(name, value.text());
    value.end();
  }
  return options;
}

/** Parses `type base64 [comment]` of a -cert.pub file. */
export function parseCertificateLine(line: string): Certificate {
  const [type, encoded] = line.trim().split(/\s+/);
  if (!type || !encoded) {
    throw new AppError("bad_input", "a certificate line must read: type base64 [comment]");
  }
  const certificate = parseCertificate(Buffer.from(encoded, "base64"));
  if (certificate.type !== type) {
    throw new AppError("bad_input", "the type in a certificate line differs from it");
  }
  return certificate;
}

export function formatCertificateLine(certificate: Certificate, comment = ""): string {
  return `${certificate.type} ${certificate.blob.toString("base64")}${comment ? ` ${comment}` : ""}`;
}

/** What a certificate must satisfy. */
export interface CertificateExpectation {
  kind: CertificateKind;
  /** The authorities trusted for this kind, and no others. */
  authorities: readonly PublicKey[];
  /** A name that must be among the principals, compared whole. */
  principal?: string;
  /** Seconds since the epoch. */
  now: number;
  /** Critical options the caller enforces itself; any other makes the certificate unusable. */
  understoodOptions?: readonly string[];
}

/**
 * Says why a certificate cannot be accepted, or undefined when it can.
 * The order is deliberate: nothing of an unsigned certificate is looked at before its signature.
 */
export function checkCertificate(
  certificate: Certificate,
  expect: CertificateExpectation,
): string | undefined {
  const authority = expect.authorities.find((key) => key.equals(certificate.authority));
  if (!authority) return `the certificate is signed by an authority that is not trusted for ${expect.kind}s`;
  if (!verify(authority, certificate.signature, certificate.signed)) {
    return "the certificate's signature is wrong";
  }
  if (certificate.kind !== expect.kind) {
    return `a ${certificate.kind} certificate was presented as a ${expect.kind}'s`;
  }
  if (expect.now < certificate.validAfter) return "the certificate is not valid yet";
  if (expect.now >= certificate.validBefore) return "the certificate has expired";
  for (const option of certificate.criticalOptions.keys()) {
    if (!expect.understoodOptions?.includes(option)) {
      return `the certificate has a critical option that is not understood: ${printable(option)}`;
    }
  }
  if (certificate.principals.length === 0) return "the certificate names no principal";
  if (!certificate.principals.every(isPrincipal)) return "the certificate has an unsafe principal";
  if (expect.principal !== undefined && !certificate.principals.includes(expect.principal)) {
    return `"${printable(expect.principal)}" is not among the certificate's principals`;
  }
  return undefined;
}

/** What to put into a new certificate. */
export interface CertificateTemplate {
  kind: CertificateKind;
  key: PublicKey;
  keyId: string;
  principals: readonly string[];
  serial?: bigint;
  /** Seconds since the epoch. */
  validAfter: number;
  /** Seconds since the epoch, or Infinity. */
  validBefore: number;
  criticalOptions?: Readonly<Record<string, string>>;
  extensions?: Readonly<Record<string, string>>;
}

/** True for a name that may stand in a certificate: no comma, blank or control character. */
export function isPrincipal(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return name.length > 0 && name.length <= 255 && !/[\s,\u0000-\u001f\u007f-\u009f]/.test(name);
}

/**
 * Signs a certificate.
 * @throws {AppError} bad_input for an empty or unsafe principal, or no principal at all.
 */
export function issueCertificate(authority: PrivateKey, template: CertificateTemplate): Certificate {
  const bad = template.principals.find((name) => !isPrincipal(name));
  if (bad !== undefined || template.principals.length === 0) {
    const what = bad === undefined ? "no principal" : `the unsafe principal "${printable(bad)}"`;
    throw new AppError("bad_input", `a certificate cannot be issued for ${what}`);
  }
  const type = template.key.type + CERTIFICATE_SUFFIX;
  const keyFields = template.key.blob.subarray(4 + template.key.type.length);
  const principals = new WireWriter();
  for (const name of new Set(template.principals)) principals.string(name);
  const seconds = (value: number) => value === Infinity ? FOREVER : BigInt(Math.floor(value));
  const signed = new WireWriter().string(type).string(randomBytes(32)).raw(keyFields)
    .uint64(template.serial ?? randomBytes(8).readBigUInt64BE())
    .uint32(template.kind === "user" ? 1 : 2)
    .string(template.keyId)
    .string(principals.bytes())
    .uint64(seconds(template.validAfter))
    .uint64(seconds(template.validBefore))
    .string(writeOptions(template.criticalOptions))
    .string(writeOptions(template.extensions))
    .string("")
    .string(authority.publicKey.blob)
    .bytes();
  return parseCertificate(Buffer.concat([signed, new WireWriter().string(sign(authority, signed)).bytes()]));
}

function writeOptions(options: Readonly<Record<string, string>> = {}): Buffer {
  const writer = new WireWriter();
  for (const name of Object.keys(options).sort()) {
    const value = options[name] ?? "";
    writer.string(name).string(value === "" ? "" : new WireWriter().string(value).bytes());
  }
  return writer.bytes();
}
