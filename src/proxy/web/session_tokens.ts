/**
 * What stands for a web session for a short time: the bearer, which goes with every call, so that a cookie alone (which
 * the browser sends by itself) does nothing; and the ticket, which lets a plain link download one thing once. Both are
 * made with a key of the session, so every proxy can check them and nothing is kept.
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import { MINUTE, SECOND } from "../../base/duration.ts";
import { equalInConstantTime } from "../../base/secret.ts";
import type { SessionKeys } from "./session_secret.ts";

export const BEARER_TTL = 10 * MINUTE;
export const TICKET_TTL = 30 * SECOND;

type Keys = Pick<SessionKeys, "tokens">;

/** @param now milliseconds since the epoch, as everywhere here */
export function makeBearer(keys: Keys, now: number): string {
  return makeToken(keys, "bearer", now + BEARER_TTL);
}

export function isBearer(keys: Keys, token: string, now: number): boolean {
  return isToken(keys, "bearer", token, now, BEARER_TTL);
}

/** @param path what it opens, query and all */
export function makeTicket(keys: Keys, path: string, now: number): string {
  return makeToken(keys, `ticket ${path}`, now + TICKET_TTL);
}

export function isTicket(keys: Keys, path: string, ticket: string, now: number): boolean {
  return isToken(keys, `ticket ${path}`, ticket, now, TICKET_TTL);
}

/** `nonce.end.proof`. The nonce tells apart two tickets for the same. */
function makeToken(keys: Keys, use: string, ends: number): string {
  const nonce = randomBytes(6).toString("hex");
  return `${nonce}.${ends}.${proof(keys, use, nonce, ends)}`;
}

function isToken(keys: Keys, use: string, token: string, now: number, ttl: number): boolean {
  const match = /^([0-9a-f]{12})\.(\d{1,15})\.([A-Za-z0-9_-]{43})$/.exec(token);
  if (!match) return false;
  const [, nonce = "", end = "", given = ""] = match;
  const ends = Number(end);
  // Further ahead than any proxy gives, a clock was far off.
  const isCurrent = ends > now && ends <= now + 2 * ttl;
  return equalInConstantTime(given, proof(keys, use, nonce, ends)) && isCurrent;
}

function proof({ tokens }: Keys, use: string, nonce: string, ends: number): string {
  return createHmac("sha256", tokens.reveal()).update(`${use}\n${nonce}\n${ends}`).digest("base64url");
}
