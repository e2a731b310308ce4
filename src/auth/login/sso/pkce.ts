/**
 * Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it.
 * @module
 */
import { createHash } from "node:crypto";

/** The challenge for a verifier, by the method S256. */
export function challengeOf(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}
