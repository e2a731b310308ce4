/**
 * How requests for a certificate name the key, the lifetime and the format.
 * @module
 */
import { Buffer } from "node:buffer";
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import type { CertificateWish } from "../../model/certificate_wish.ts";
import { CERT_FORMATS } from "../../model/role.ts";

const NANOSECONDS = 1e6;

/** Nanoseconds; 0 stands for the server's default. */
export const lifetime = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);
/** Empty stands for what the user's roles say. */
export const compatibility = v.optional(v.picklist(["", ...CERT_FORMATS]), "");

export function certificateWish(
  nanoseconds: number,
  format: v.InferOutput<typeof compatibility>,
): CertificateWish {
  return {
    ...(nanoseconds > 0 ? { ttl: Math.ceil(nanoseconds / NANOSECONDS) } : {}),
    ...(format === "" ? {} : { certFormat: format }),
  };
}

/**
 * The public key of a login, out of base64. Its cryptographic content is the auth service's to judge.
 * @throws {AppError} bad_input unless it is one line of UTF-8 text without control characters.
 */
export function publicKeyLine(base64: string, field = "pub_key"): string {
  const malformed = new AppError(
    "bad_input",
    `the field "${field}" must be one OpenSSH public key line in base64`,
  );
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 === 1) throw malformed;
  const line = Buffer.from(base64, "base64").toString("utf8").trim();
  if (line === "" || /[\p{Cc}\p{Zl}\p{Zp}\ufffd]/u.test(line)) throw malformed;
  return line;
}
