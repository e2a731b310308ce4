/**
 * Pins of a certificate authority: what an administrator copies to a joining host.
 * @module
 */
import { createHash } from "node:crypto";
import type { PublicKey } from "../ssh/public_key.ts";

/** `sha256:` and the hash of the CA's public key blob in hex. */
export function authorityPin(key: PublicKey): string {
  return `sha256:${createHash("sha256").update(key.blob).digest("hex")}`;
}
