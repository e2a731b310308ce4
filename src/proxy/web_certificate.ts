/**
 * The web front's TLS pair: the configured files, or a self-signed pair kept in the proxy's folder and renewed before it
 * ends.
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { DAY } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import type { TlsMaterial } from "./web/tls_material.ts";

const RENEW_BEFORE = 30 * DAY;

export interface WebCertificateOptions {
  files: Files;
  clock: Clock;
  /** The administrator's own pair. */
  configured?: { keyFile: string; certFile: string };
  /** The proxy's folder. */
  directory: string;
  /** Names for a self-signed pair. */
  names: readonly string[];
  warn(text: string): void;
}

/** @throws {AppError} not_found when a configured file is missing */
export async function webCertificate(options: WebCertificateOptions): Promise<TlsMaterial> {
  const { files, configured } = options;
  if (!configured) return await ownPair(options);
  const [key, cert] = await Promise.all([
    files.readText(configured.keyFile),
    files.readText(configured.certFile),
  ]);
  if (key === undefined) {
    throw new AppError("not_found", `https_key_file does not exist: ${configured.keyFile}`);
  }
  if (cert === undefined) {
    throw new AppError("not_found", `https_cert_file does not exist: ${configured.certFile}`);
  }
  return { key, cert };
}

async function ownPair(
  { files, clock, directory, names, warn }: WebCertificateOptions,
): Promise<TlsMaterial> {
  const [keyPath, certPath] = [`${directory}/webproxy_key.pem`, `${directory}/webproxy_cert.pem`];
  const [key, cert] = await Promise.all([files.readText(keyPath), files.readText(certPath)]);
  if (key !== undefined && cert !== undefined && stillGood(cert, names, clock.now())) return { key, cert };
  warn(
    "no HTTPS certificate is configured: a self-signed one is used, which clients take only with --insecure",
  );
  const { selfSigned } = await import("./web/self_signed.ts");
  const pair = await selfSigned(names, clock);
  await files.writePrivate(keyPath, pair.key);
  await files.writePrivate(certPath, pair.cert);
  return pair;
}

function stillGood(pem: string, names: readonly string[], now: number): boolean {
  try {
    const certificate = new X509Certificate(pem);
    const alternatives = certificate.subjectAltName ?? "";
    const named = names.every((name) => alternatives.toLowerCase().includes(name.toLowerCase()));
    return named && Date.parse(certificate.validTo) - now > RENEW_BEFORE;
  } catch (error) {
    if (error instanceof Error) return false; // not a certificate: make a new one
    throw error;
  }
}
