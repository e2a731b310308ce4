/**
 * What the calls say of second factors. See `model/security_key.ts`.
 * @module
 */
import * as v from "valibot";

const key = v.literal("public-key");
const discouraged = v.literal("discouraged");

/** What a user is shown to set a second factor up with: one of them, or none. */
export const factorProposal = {
  /** `otpauth://...`, for an authenticator app. */
  otpUri: v.optional(v.string()),
  securityKey: v.optional(v.object({
    challenge: v.string(),
    rp: v.object({ id: v.string(), name: v.string() }),
    user: v.object({ id: v.string(), name: v.string(), displayName: v.string() }),
    pubKeyCredParams: v.array(v.object({ type: key, alg: v.number() })),
    timeout: v.number(),
    attestation: v.literal("none"),
    authenticatorSelection: v.object({
      authenticatorAttachment: v.literal("cross-platform"),
      residentKey: discouraged,
      userVerification: discouraged,
    }),
  })),
};

/** What a security key is asked to sign. */
export const keyChallenge = v.object({
  version: v.literal("U2F_V2"),
  appId: v.string(),
  challenge: v.string(),
  keyHandle: v.string(),
  publicKey: v.object({
    challenge: v.string(),
    rpId: v.string(),
    timeout: v.number(),
    userVerification: discouraged,
    allowCredentials: v.array(v.object({ type: key, id: v.string() })),
  }),
});
