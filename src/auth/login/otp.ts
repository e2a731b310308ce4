/**
 * Time-based one-time passwords (RFC 6238): six digits, 30 seconds, SHA-1, as every authenticator app takes them.
 * @module
 */
import { Secret as OtpSecret, TOTP } from "otpauth";
import type { Secret } from "../../base/secret.ts";

const PERIOD_SECONDS = 30;
const DIGITS = 6;
/** One step of clock difference either way. */
const WINDOW = 1;

/** A new secret, base32. */
export function newOtpSecret(): string {
  return new OtpSecret({ size: 20 }).base32;
}

function totp(secret: string, account = "", issuer = "Teleport"): TOTP {
  return new TOTP({
    issuer,
    label: account,
    algorithm: "SHA1",
    digits: DIGITS,
    period: PERIOD_SECONDS,
    secret: OtpSecret.fromBase32(secret),
  });
}

/** The `otpauth://` URI behind the QR code. */
export function otpUri(secret: string, user: string, cluster: string): string {
  return totp(secret, `${user}@${cluster}`).toString();
}

/**
 * The time step of a valid code, or undefined for a wrong one.
 * @param now milliseconds since the epoch
 */
export function otpStep(secret: string, code: Secret<string>, now: number): number | undefined {
  const token = code.reveal().replace(/\s/g, "");
  if (!/^\d{6}$/.test(token)) return undefined;
  const delta = totp(secret).validate({ token, timestamp: now, window: WINDOW });
  return delta === null ? undefined : Math.floor(now / 1000 / PERIOD_SECONDS) + delta;
}
