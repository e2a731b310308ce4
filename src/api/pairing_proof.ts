/**
 * How two clusters pair by a token that both know. Neither sends it: each proves it by an HMAC over what it says of its
 * authorities, so whoever stands between them learns nothing that would let him speak for either.
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import * as v from "valibot";
import { MINUTE } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";

const base64 = v.pipe(v.string(), v.maxLength(64 * 1024), v.regex(/^[A-Za-z0-9+/]*={0,2}$/));
const proof = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** What the trusting cluster posts. */
export const pairingRequestSchema = v.strictObject({
  version: v.literal(1),
  /** The name by which it knows the cluster that it asks. */
  to: v.pipe(v.string(), v.maxLength(256)),
  /** Its {@link signStatement statement}. */
  statement: base64,
  /** Milliseconds since the epoch. */
  time: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  nonce: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  proof,
});

/** What the trusted cluster answers. */
export const pairingAnswerSchema = v.object({ statement: base64, proof });

export type PairingRequest = v.InferOutput<typeof pairingRequestSchema>;
export type PairingAnswer = v.InferOutput<typeof pairingAnswerSchema>;

/** How long a request is good, and how far the clocks may be apart. */
const MAX_AGE = 5 * MINUTE;

type Unproven = Omit<PairingRequest, "proof">;

function requestProof(token: string, { to, statement, time, nonce }: Unproven): string {
  return createHmac("sha256", token)
    .update(`teleport pairing request v1\0${nonce}\0${time}\0${statement}\0${to}`)
    .digest("hex");
}

/** Covers the request's proof, and so all of it. */
function answerProof(token: string, request: PairingRequest, statement: string): string {
  return createHmac("sha256", token).update(`teleport pairing answer v1\0${request.proof}\0${statement}`)
    .digest("hex");
}

/** @param now milliseconds since the epoch */
export function pairingRequest(
  token: Secret<string>,
  { to, statement, now }: { to: string; statement: string; now: number },
): PairingRequest {
  const unproven: Unproven = {
    version: 1,
    to,
    statement,
    time: now,
    nonce: randomBytes(16).toString("hex"),
  };
  return { ...unproven, proof: requestProof(token.reveal(), unproven) };
}

/** Whether the request was made with this token. Takes the same time whatever the request holds. */
export function provesToken(token: string, request: PairingRequest): boolean {
  return sameText(request.proof, requestProof(token, request));
}

/** @throws {AppError} bad_input for a request of another time; to be asked only once the token is proven */
export function requireFresh({ time }: PairingRequest, now: number): void {
  if (Math.abs(now - time) <= MAX_AGE) return;
  throw new AppError("bad_input", "the clocks of the two clusters are more than five minutes apart");
}

export function pairingAnswer(token: string, request: PairingRequest, statement: string): PairingAnswer {
  return { statement, proof: answerProof(token, request, statement) };
}

/** @throws {AppError} unauthenticated unless the answer is from somebody who knows the token, to this request */
export function checkAnswer(token: Secret<string>, request: PairingRequest, answer: PairingAnswer): void {
  if (sameText(answer.proof, answerProof(token.reveal(), request, answer.statement))) return;
  throw new AppError(
    "unauthenticated",
    "the answer does not prove the token: it is not from the trusted cluster, or somebody stands in between",
  );
}

function sameText(a: string, b: string): boolean {
  const [one, other] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
