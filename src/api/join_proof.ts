/**
 * The mutual proof of a join token. Both sides show that they know the token without sending it: an HMAC over the SSH
 * session id, which a man in the middle cannot make equal on his two legs. A host is thus safe from a false auth server
 * even before it knows the cluster's CA.
 *
 * The dialog runs as keyboard-interactive questions (RFC 4256):
 * 1. server: `teleport-join-1:<server nonce>`, host: `<host nonce>:<host's proof>`
 * 2. server: `teleport-joined-1:<server's proof>` or `teleport-refused-1:<reason>`, host: `ok`
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { AppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";

/** The SSH user name with which a host asks to join. */
export const JOIN_USER = "join";

const HELLO = "teleport-join-1:";
const JOINED = "teleport-joined-1:";
const REFUSED = "teleport-refused-1:";
const NONCE = /^[0-9a-f]{32}$/;

type Side = "host" | "auth";

/** What both proofs cover. */
export interface JoinTranscript {
  sessionId: Buffer;
  serverNonce: string;
  hostNonce: string;
}

export function newNonce(): string {
  return randomBytes(16).toString("hex");
}

/** The proof of one side, as 64 hex digits. */
export function joinProof(side: Side, token: string, transcript: JoinTranscript): string {
  return createHmac("sha256", token)
    .update(`teleport join ${side}\0${transcript.serverNonce}\0${transcript.hostNonce}\0`)
    .update(transcript.sessionId)
    .digest("hex");
}

/** Compares two proofs in constant time. */
export function sameProof(a: string, b: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(a) || !/^[0-9a-f]{64}$/.test(b)) return false;
  return timingSafeEqual(hexBytes(a), hexBytes(b));
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const joinQuestion = {
  hello: (nonce: string) => HELLO + nonce,
  joined: (proof: string) => JOINED + proof,
  refused: (reason: string) => REFUSED + reason,
};

/** Parses the host's first answer. */
export function parseJoinAnswer(answer: string): { hostNonce: string; proof: string } {
  const [hostNonce = "", proof = ""] = answer.split(":");
  if (!NONCE.test(hostNonce)) throw new AppError("unauthenticated", "the join answer is malformed");
  return { hostNonce, proof };
}

/** The host's side of the dialog. */
export interface JoinAnswerer {
  /** Answers the SSH client's questions; throws, and so ends the connection, when the server's proof is wrong. */
  answer(question: string, sessionId: Buffer): string;
  /** True once the server proved the token. A false server may grant the login without a single question. */
  proven(): boolean;
}

const NOT_PROVEN =
  "the server at the auth address does not know this join token: it is not the cluster's auth server, or " +
  "somebody stands in between; nothing was joined";

export function joinAnswerer(token: Secret<string>): JoinAnswerer {
  let transcript: JoinTranscript | undefined;
  let proven = false;
  const answer = (question: string, sessionId: Buffer): string => {
    if (question.startsWith(HELLO) && !transcript) {
      const serverNonce = question.slice(HELLO.length);
      if (!NONCE.test(serverNonce)) {
        throw new AppError("unauthenticated", "the auth server's question is malformed");
      }
      transcript = { sessionId, serverNonce, hostNonce: newNonce() };
      return `${transcript.hostNonce}:${joinProof("host", token.reveal(), transcript)}`;
    }
    if (question.startsWith(REFUSED)) {
      const reason = question.slice(REFUSED.length, REFUSED.length + 300).replace(/[^\x20-\x7e]/g, "?");
      throw new AppError("access_denied", `the cluster refuses this host: ${reason}`);
    }
    const proof = question.startsWith(JOINED) ? question.slice(JOINED.length) : "";
    if (!transcript || !sameProof(proof, joinProof("auth", token.reveal(), transcript))) {
      throw new AppError("unauthenticated", NOT_PROVEN);
    }
    proven = true;
    return "ok";
  };
  return { answer, proven: () => proven };
}

/** @throws {AppError} unauthenticated unless the server has proved the token */
export function requireProof(dialog: JoinAnswerer): void {
  if (!dialog.proven()) throw new AppError("unauthenticated", NOT_PROVEN);
}
