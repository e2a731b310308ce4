/**
 * What a security key answers at a login, in either of two forms: WebAuthn's, as browsers give it, and raw U2F, as the
 * program `u2f-host` gives it to `tsh`. Both are signatures of the same key over the same kind of data.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, createPublicKey, verify } from "node:crypto";
import * as v from "valibot";
import type { Secret } from "../../../base/secret.ts";
import type { SecurityKey } from "../../../model/resource/user.ts";

const bytes = (max: number) => v.pipe(v.string(), v.maxLength(max), v.regex(/^[A-Za-z0-9_-]*={0,2}$/));

/** WebAuthn §5.5, AuthenticationResponseJSON. */
const BrowserAnswer = v.object({
  id: bytes(2048),
  rawId: bytes(2048),
  type: v.literal("public-key"),
  response: v.object({
    authenticatorData: bytes(4096),
    clientDataJSON: bytes(4096),
    signature: bytes(1024),
    userHandle: v.optional(v.nullable(bytes(256))),
  }),
  clientExtensionResults: v.optional(v.record(v.string(), v.unknown()), {}),
});

/** FIDO U2F JavaScript API §3.2, SignResponse. */
const RawAnswer = v.object({
  keyHandle: bytes(2048),
  clientData: bytes(4096),
  signatureData: bytes(1024),
});

/** FIDO U2F Raw Message Formats §6, ClientData. */
const ClientData = v.object({ typ: v.string(), challenge: v.string(), origin: v.string() });

export type BrowserAnswer = v.InferOutput<typeof BrowserAnswer>;
export type RawAnswer = v.InferOutput<typeof RawAnswer>;

/** What a key has signed for. */
export interface Expected {
  key: SecurityKey;
  /** The host that the key is bound to. */
  relyingParty: string;
  facets: readonly string[];
  isCurrent(challenge: string): Promise<boolean>;
}

/** What was proven, or why nothing was. */
export type Verdict = { challenge: string; counter: number } | { reason: string };

/** Reads an answer of either form. */
export function parseAnswer(answer: Secret<string>): BrowserAnswer | RawAnswer | undefined {
  let json: unknown;
  try {
    json = JSON.parse(answer.reveal());
  } catch {
    return undefined; // not JSON: such as an empty answer, or a code
  }
  const read = v.safeParse(v.union([BrowserAnswer, RawAnswer]), json);
  return read.success ? read.output : undefined;
}

/** Judges an answer of a browser (WebAuthn §7.2). */
export async function judgeBrowser(answer: BrowserAnswer, expected: Expected): Promise<Verdict> {
  const { key, relyingParty, facets, isCurrent } = expected;
  if (answer.id !== key.id) return { reason: "signed by another security key" };
  const { verifyAuthenticationResponse } = await import("@simplewebauthn/server");
  let challenge = "";
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: {
        ...answer,
        response: { ...answer.response, userHandle: undefined },
        clientExtensionResults: {},
      },
      expectedChallenge: (given) => {
        challenge = given;
        return isCurrent(given);
      },
      expectedOrigin: [...facets],
      expectedRPID: relyingParty,
      requireUserVerification: false,
      credential: { id: key.id, publicKey: coseKey(key.publicKey), counter: key.counter },
    });
    if (!verified) return { reason: "wrong signature of the security key" };
    return { challenge, counter: authenticationInfo.newCounter };
  } catch (error) {
    // The library's way to say no; what went wrong is for the audit log.
    return {
      reason: `security key: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300),
    };
  }
}

/**
 * Judges an answer of `u2f-host` (FIDO U2F Raw Message Formats §5.4).
 */
export async function judgeRaw(answer: RawAnswer, expected: Expected): Promise<Verdict> {
  const { key, relyingParty, facets, isCurrent } = expected;
  if (answer.keyHandle.replace(/=+$/, "") !== key.id) return { reason: "signed by another security key" };
  const clientData = Buffer.from(answer.clientData, "base64url");
  const told = readClientData(clientData);
  if (told?.typ !== "navigator.id.getAssertion") return { reason: "the security key signed something else" };
  if (!facets.includes(told.origin)) return { reason: `the address ${told.origin} is not among the facets` };
  if (!await isCurrent(told.challenge)) return { reason: "the security key signed an old challenge" };
  const signed = Buffer.from(answer.signatureData, "base64url");
  if (signed.length < 6 || ((signed[0] ?? 0) & 1) === 0) {
    return { reason: "nobody touched the security key" };
  }
  const data = Buffer.concat([sha256(relyingParty), signed.subarray(0, 5), sha256(clientData)]);
  if (!verify("sha256", data, publicKey(key.publicKey), signed.subarray(5))) {
    return { reason: "wrong signature of the security key" };
  }
  const counter = signed.readUInt32BE(1);
  if ((counter > 0 || key.counter > 0) && counter <= key.counter) {
    return { reason: "the security key's counter did not grow: it may have been copied" };
  }
  return { challenge: told.challenge, counter };
}

function readClientData(data: Buffer): v.InferOutput<typeof ClientData> | undefined {
  try {
    const read = v.safeParse(ClientData, JSON.parse(data.toString("utf8")));
    return read.success ? read.output : undefined;
  } catch {
    return undefined; // not JSON
  }
}

function sha256(data: Uint8Array | string): Buffer {
  return createHash("sha256").update(data).digest();
}

function publicKey(point: string) {
  const raw = Buffer.from(point, "base64url");
  const [x, y] = [raw.subarray(1, 33), raw.subarray(33)].map((half) => half.toString("base64url"));
  return createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y } });
}

/** A point as COSE writes it (RFC 9053 §7.1.1): kty EC2, alg ES256, crv P-256, x, y. */
function coseKey(point: string): Uint8Array<ArrayBuffer> {
  const raw = Buffer.from(point, "base64url");
  const head = Buffer.from("a5010203262001215820", "hex");
  const between = Buffer.from("225820", "hex");
  return new Uint8Array(Buffer.concat([head, raw.subarray(1, 33), between, raw.subarray(33)]));
}

/** The point of a COSE key as {@linkcode coseKey} writes it; undefined for any other kind of key. */
export function pointOf(cose: Uint8Array): string | undefined {
  const bytes = Buffer.from(cose);
  const point = Buffer.concat([Buffer.of(4), bytes.subarray(10, 42), bytes.subarray(45, 77)]);
  if (point.length !== 65) return undefined;
  const text = point.toString("base64url");
  return bytes.equals(coseKey(text)) ? text : undefined;
}
