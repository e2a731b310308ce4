/**
 * The license file of the auth server: an X.509 certificate and its key in one PEM file. Every feature is open, so it
 * changes nothing; it is looked at because who put it there wants to know whether it is good.
 * @module
 */
import { AppError, messageOf } from "../base/errors.ts";

export interface License {
  subject: string;
  /** Milliseconds since the epoch. */
  expires: number;
}

const MAX_BYTES = 256 * 1024;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** @throws {AppError} bad_input, saying what is wrong with it */
export async function parseLicense(pem: string): Promise<License> {
  const blocks = [...pem.matchAll(BLOCK)];
  const certificate = blocks.find(([, label]) => label === "CERTIFICATE")?.[0];
  const key = blocks.find(([, label]) => label?.endsWith("PRIVATE KEY"))?.[0];
  if (certificate === undefined) throw new AppError("bad_input", "it holds no certificate");
  if (key === undefined) throw new AppError("bad_input", "it holds no private key");
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  let fits: boolean;
  let read;
  try {
    read = new X509Certificate(certificate);
    fits = read.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new AppError("bad_input", `its certificate or its key cannot be read: ${messageOf(error)}`);
  }
  if (!fits) throw new AppError("bad_input", "its key is not the certificate's");
  return { subject: read.subject.replaceAll("\n", ", "), expires: Date.parse(read.validTo) };
}

/**
 * What the administrator should know about the license: it is never a reason not to start.
 * @param now milliseconds since the epoch
 */
export async function aboutLicense(
  path: string,
  now: number,
): Promise<{ level: "info" | "warn"; text: string } | undefined> {
  let license;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_BYTES) throw new AppError("bad_input", "it is too large");
    license = await parseLicense(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    return { level: "warn", text: `the license ${path} is not used: ${messageOf(error)}` };
  }
  const until = new Date(license.expires).toISOString().slice(0, 10);
  return license.expires <= now
    ? {
      level: "warn",
      text: `the license ${path} of ${license.subject} has expired on ${until}; everything works on`,
    }
    : { level: "info", text: `the license ${path} of ${license.subject} is good until ${until}` };
}
