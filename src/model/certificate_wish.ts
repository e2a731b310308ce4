/**
 * What whoever asks for a user's certificate may choose; roles and the user's own end may limit it.
 * @module
 */
import type { CertFormat } from "./role.ts";

export interface CertificateWish {
  /** Lifetime in milliseconds. */
  ttl?: number | undefined;
  certFormat?: CertFormat | undefined;
}
