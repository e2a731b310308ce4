/**
 * Security keys as the second factor (FIDO U2F, and W3C Web Authentication, which browsers speak to the same keys): what
 * server, browser and `tsh` say to each other. Binary values are base64url without padding.
 * @module
 */

/** What `authentication.second_factor` can be. */
export const SECOND_FACTORS = ["otp", "off", "u2f"] as const;
export type SecondFactorKind = typeof SECOND_FACTORS[number];

/** Where keys of this cluster are used. */
export interface SecurityKeyPlace {
  /** `authentication.u2f.app_id`: an https URL. It must never change: keys are registered for it. */
  appId: string;
  /** The origins of all proxies' web pages: `https://host[:port]`. */
  facets: string[];
}

/** Options of `navigator.credentials.create` (WebAuthn §5.4), as `parseCreationOptionsFromJSON` reads them. */
export interface RegistrationOptions {
  challenge: string;
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  pubKeyCredParams: { type: "public-key"; alg: number }[];
  /** Milliseconds. */
  timeout: number;
  attestation: "none";
  authenticatorSelection: {
    authenticatorAttachment: "cross-platform";
    residentKey: "discouraged";
    userVerification: "discouraged";
  };
}

/** What a key is asked to sign at a login: once as `u2f-host` reads it, once as browsers do. */
export interface KeyChallenge {
  version: "U2F_V2";
  appId: string;
  challenge: string;
  keyHandle: string;
  /** Options of `navigator.credentials.get` (WebAuthn §5.5), as `parseRequestOptionsFromJSON` reads them. */
  publicKey: {
    challenge: string;
    rpId: string;
    timeout: number;
    userVerification: "discouraged";
    allowCredentials: { type: "public-key"; id: string }[];
  };
}

/** The host that browsers bind keys to. It is the address's and no other's, so that no facet more or less changes it. */
export function relyingParty(place: SecurityKeyPlace): string {
  return new URL(place.appId).hostname;
}

/** The origins whose pages may use keys. */
export function facetsOf(place: SecurityKeyPlace): string[] {
  return place.facets.length > 0 ? place.facets : [new URL(place.appId).origin];
}
