/**
 * What a terminal is told of its login by way of the browser, which brings it to the terminal's loopback address. It is
 * sealed with a secret that the terminal made for this one login and gave to the cluster by HTTPS: neither the browser's
 * history nor anybody else on the machine reads it, and nobody else can make one.
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import * as v from "valibot";
import { AppError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import { SSO_FAILURES, type SsoFailure } from "../model/sso.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const CONTEXT = Buffer.from("teleport single sign-on answer v1");

const Answer = v.variant("result", [
  v.object({
    result: v.literal("in"),
    user: v.string(),
    certificate: v.string(),
    cluster: v.string(),
    hostAuthorities: v.array(v.string()),
  }),
  v.object({
    result: v.literal("failed"),
    why: v.picklist(Object.keys(SSO_FAILURES) as [SsoFailure, ...SsoFailure[]]),
  }),
]);

export type SsoAnswer = v.InferOutput<typeof Answer>;

/** The parameter of the callback's address. */
export const ANSWER_FIELD = "response";

/** A new secret, as it is given to the cluster. */
export function newAnswerSecret(): string {
  return randomBytes(KEY_BYTES).toString("base64url");
}

/** @throws {AppError} bad_input for what {@linkcode newAnswerSecret} did not make */
export function checkAnswerSecret(secret: string): void {
  if (!/^[A-Za-z0-9_-]{43}$/.test(secret)) {
    throw new AppError("bad_input", "the secret of a login must be 32 bytes in base64url");
  }
}

export function sealAnswer(secret: Secret<string>, answer: SsoAnswer): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, Buffer.from(secret.reveal(), "base64url"), iv, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(CONTEXT);
  const text = Buffer.concat([cipher.update(JSON.stringify(answer), "utf8"), cipher.final()]);
  return Buffer.concat([iv, text, cipher.getAuthTag()]).toString("base64url");
}

/** @throws {AppError} unauthenticated for what was not sealed for this login */
export function openAnswer(secret: Secret<string>, sealed: string): SsoAnswer {
  const foreign = (cause?: unknown) =>
    new AppError("unauthenticated", "what came back from the browser does not belong to this login", {
      cause,
    });
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length <= IV_BYTES + TAG_BYTES) throw foreign();
  const key = Buffer.from(secret.reveal(), "base64url");
  const cipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  cipher.setAAD(CONTEXT);
  cipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  let text: string;
  try {
    const parts = [cipher.update(bytes.subarray(IV_BYTES, bytes.length - TAG_BYTES)), cipher.final()];
    text = Buffer.concat(parts).toString("utf8");
  } catch (error) {
    throw foreign(error);
  }
  const answer = v.safeParse(Answer, JSON.parse(text));
  if (!answer.success) throw foreign();
  return answer.output;
}
