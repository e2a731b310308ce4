/**
 * The certificate an HTTPS server shows, checked before anyone meets it.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { AppError, messageOf } from "../../base/errors.ts";

/** A private key and its certificate chain, both PEM, the server's own certificate first. */
export interface TlsMaterial {
  key: string;
  cert: string;
}

/**
 * Settings for an HTTPS server. The pair is checked here because the runtime looks at it only when a client connects,
 * and then every connection would fail without a word to the operator.
 * @throws {AppError} bad_input when the key or the certificate cannot be read, or they do not belong together.
 */
export function tlsSettings({ key, cert }: TlsMaterial) {
  if (!belongTogether(key, cert)) {
    throw new AppError("bad_input", "the web certificate and its key do not belong together");
  }
  return { key, cert, minVersion: "TLSv1.2" as const };
}

function belongTogether(key: string, cert: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new AppError("bad_input", `the web certificate or its key cannot be read: ${messageOf(error)}`);
  }
}
