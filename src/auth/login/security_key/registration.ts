/**
 * Registering a security key, as browsers do it (WebAuthn §7.1). Only keys that speak U2F, too, are asked for, so that
 * `tsh` can use them by `u2f-host`: ES256, not built into the computer. Where they come from is not checked: no
 * attestation is asked for.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import * as v from "valibot";
import { MINUTE } from "../../../base/duration.ts";
import type { Secret } from "../../../base/secret.ts";
import type { SecurityKey } from "../../../model/resource/user.ts";
import {
  facetsOf,
  type RegistrationOptions,
  relyingParty,
  type SecurityKeyPlace,
} from "../../../model/security_key.ts";
import { pointOf } from "./answer.ts";

/** COSE's number of ECDSA with P-256 and SHA-256 (RFC 9053 §2.1). */
const ES256 = -7;

const bytes = (max: number) => v.pipe(v.string(), v.maxLength(max), v.regex(/^[A-Za-z0-9_-]*$/));

const Answer = v.object({
  id: bytes(2048),
  rawId: bytes(2048),
  type: v.literal("public-key"),
  response: v.object({ attestationObject: bytes(12 * 1024), clientDataJSON: bytes(4096) }),
});

const challengeOf = (seed: string) => Buffer.from(seed).toString("base64url");

/** @param seed random */
export function registrationOptions(
  seed: string,
  { user, cluster, place }: { user: string; cluster: string; place: SecurityKeyPlace },
): RegistrationOptions {
  const name = `${user}@${cluster}`;
  return {
    challenge: challengeOf(seed),
    rp: { id: relyingParty(place), name: "Teleport" },
    user: { id: createHash("sha256").update(name).digest("base64url"), name, displayName: name },
    pubKeyCredParams: [{ type: "public-key", alg: ES256 }],
    timeout: 5 * MINUTE,
    attestation: "none",
    authenticatorSelection: {
      authenticatorAttachment: "cross-platform",
      residentKey: "discouraged",
      userVerification: "discouraged",
    },
  };
}

/** The key that was registered; undefined when the answer does not fit the options made of this seed. */
export async function registeredKey(
  seed: string,
  answer: Secret<string>,
  place: SecurityKeyPlace,
): Promise<SecurityKey | undefined> {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Answer), answer.reveal());
  if (!read.success) return undefined;
  const { verifyRegistrationResponse } = await import("@simplewebauthn/server");
  let registered: Awaited<ReturnType<typeof verifyRegistrationResponse>>;
  try {
    registered = await verifyRegistrationResponse({
      response: { ...read.output, clientExtensionResults: {} },
      expectedChallenge: challengeOf(seed),
      expectedOrigin: facetsOf(place),
      expectedRPID: relyingParty(place),
      requireUserVerification: false,
      supportedAlgorithmIDs: [ES256],
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return undefined; // the library's way to say no
  }
  if (!registered.verified) return undefined;
  const { id, publicKey, counter } = registered.registrationInfo.credential;
  const point = pointOf(publicKey);
  return point === undefined ? undefined : { id, publicKey: point, counter, appId: place.appId };
}
