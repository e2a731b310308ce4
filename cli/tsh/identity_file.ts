/**
 * Identity files: private key, certificate line, and the host CAs in one file.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { type Certificate, formatCertificateLine, parseCertificateLine } from "../../src/ssh/certificate.ts";
import {
  formatPrivateKey,
  needsPassphrase,
  parsePrivateKey,
  type PrivateKey,
} from "../../src/ssh/private_key.ts";
import { parsePublicKeyLine, type PublicKey } from "../../src/ssh/public_key.ts";
import { askSecret } from "../prompt.ts";

export interface IdentityFile {
  key: PrivateKey;
  certificate: Certificate;
  cluster: string;
  hostAuthorities: PublicKey[];
}

export function formatIdentityFile(identity: IdentityFile): string {
  const authorities = identity.hostAuthorities.map((key) =>
    `@cert-authority *.${identity.cluster} ${key.toLine()}\n`
  );
  return formatPrivateKey(identity.key) + `${formatCertificateLine(identity.certificate)}\n` +
    authorities.join("");
}

/** Reads an identity file; the certificate may lie beside it as `<file>-cert.pub`. */
export async function readIdentityFile(path: string): Promise<IdentityFile> {
  const text = await Deno.readTextFile(path);
  const lines = text.split("\n").map((line) => line.trim());
  const certificateLine = lines.find((line) => /^\S+-cert-v01@openssh\.com /.test(line)) ??
    (await Deno.readTextFile(`${path}-cert.pub`).catch(() => undefined));
  if (certificateLine === undefined) {
    throw new AppError("bad_input", `${path} holds no certificate, and there is no ${path}-cert.pub`);
  }
  const authorities = lines.filter((line) => line.startsWith("@cert-authority "));
  const cluster = /^@cert-authority \*\.([^, ]+)/.exec(authorities[0] ?? "")?.[1];
  if (cluster === undefined) {
    throw new AppError(
      "bad_input",
      `${path} names no certificate authorities to trust; make the identity again, with --format=file`,
    );
  }
  return {
    key: parsePrivateKey(
      text,
      needsPassphrase(text) ? askSecret(`Enter passphrase for key ${path}: `) : undefined,
    ),
    certificate: parseCertificateLine(certificateLine),
    cluster,
    hostAuthorities: authorities.map((line) => parsePublicKeyLine(line.split(" ").slice(2).join(" ")).key),
  };
}
