/**
 * What is read out of an ID token's claims.
 * @module
 */
import type { Claims } from "../../../model/claim_mapping.ts";
import { SsoRefused } from "./provider.ts";

/** Claims that are about the token and not about the user. */
const PROTOCOL = new Set([
  ...[
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "auth_time",
    "sid",
  ],
]);

/** The claims that are words or lists of words. */
export function claimsOf(told: Readonly<Record<string, unknown>>): Claims {
  const claims: Record<string, string[]> = Object.create(null);
  for (const [name, value] of Object.entries(told)) {
    if (PROTOCOL.has(name)) continue;
    const words = (Array.isArray(value) ? value : [value])
      .filter((one) => ["string", "number", "boolean"].includes(typeof one)).map(String);
    if (words.length > 0) claims[name] = words;
  }
  return claims;
}

interface NameRules {
  username_claim?: string | undefined;
  provider?: string | undefined;
}

/**
 * The name that the user is to have: an e-mail address, unless the connector says otherwise. One that the provider calls
 * unverified could be anybody's.
 * @throws {SsoRefused}
 */
export function nameOf(
  { username_claim: wanted, provider }: NameRules,
  told: Readonly<Record<string, unknown>>,
): string {
  const candidates = wanted ? [wanted] : provider === "adfs" ? ["email", "upn"] : ["email"];
  const claim = candidates.find((name) => typeof told[name] === "string" && told[name] !== "");
  if (claim === undefined) {
    throw new SsoRefused("name", `the provider tells no ${candidates.join(" and no ")}`);
  }
  const { email_verified: verified } = told;
  if (claim === "email" && verified !== undefined && verified !== true && verified !== "true") {
    throw new SsoRefused("name", "the provider has not verified the e-mail address");
  }
  return String(told[claim]);
}

/** The way the user logged in there must be one of those asked for. @throws {SsoRefused} */
export function checkAcr(
  { acr_values: asked, provider }: { acr_values?: string | undefined; provider?: string | undefined },
  { acr }: Readonly<Record<string, unknown>>,
): void {
  const wanted = (asked ?? "").split(/\s+/).filter((word) => word !== "");
  if (wanted.length === 0) return;
  // NetIQ tells an object with a list.
  const values = provider === "netiq" && typeof acr === "object" && acr !== null && "values" in acr
    ? acr.values
    : acr;
  const told = Array.isArray(values) ? values : [values];
  if (wanted.some((word) => told.includes(word))) return;
  throw new SsoRefused(
    "invalid",
    "the login at the provider was not of the strength that acr_values asks for",
  );
}
