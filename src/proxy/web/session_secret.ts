/**
 * The secret in a browser's session cookie, and what is made of it. The cookie holds nothing else but the user's name;
 * auth is told the id alone, from which the secret cannot be had, so only whoever has the cookie can open the private
 * key that lies sealed beside it.
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { isUserName } from "../../model/name.ts";

const SECRET_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";

/** What a cookie says. */
export interface SessionCookie {
  user: string;
  secret: Secret<Buffer>;
}

/** The keys of one session, none of which leads to another or to the secret (RFC 5869). */
export interface SessionKeys {
  /** Hexadecimal; what auth knows the session by. */
  id: string;
  /** Opens the sealed private key. */
  seal: Secret<Buffer>;
  /** Makes bearers and tickets. */
  tokens: Secret<Buffer>;
}

export function newSessionCookie(user: string): SessionCookie {
  return { user, secret: new Secret(randomBytes(SECRET_BYTES)) };
}

/** The cookie's value. */
export function formatSessionCookie({ user, secret }: SessionCookie): string {
  return `${Buffer.from(user).toString("base64url")}.${secret.reveal().toString("base64url")}`;
}

/** Undefined for anything that {@linkcode formatSessionCookie} did not make. */
export function parseSessionCookie(text: string): SessionCookie | undefined {
  const match = /^([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9_-]{43})$/.exec(text);
  if (!match) return undefined;
  const [, name = "", secret = ""] = match;
  const user = Buffer.from(name, "base64url").toString("utf8");
  return isUserName(user) ? { user, secret: new Secret(Buffer.from(secret, "base64url")) } : undefined;
}

/** The same secret with another user's name has other keys. */
export function sessionKeys({ user, secret }: SessionCookie): SessionKeys {
  const derive = (use: string) =>
    Buffer.from(hkdfSync("sha256", secret.reveal(), Buffer.from(user), `teleport web session ${use}`, 32));
  return {
    id: derive("id").toString("hex"),
    seal: new Secret(derive("seal")),
    tokens: new Secret(derive("tokens")),
  };
}

/** Seals a private key's text for this user and session. @returns base64 */
export function sealKey({ id, seal }: SessionKeys, user: string, key: Secret<string>): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, seal.reveal(), iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(`${user} ${id}`));
  const sealed = Buffer.concat([cipher.update(key.reveal(), "utf8"), cipher.final()]);
  return Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString("base64");
}

/** @throws {AppError} unauthenticated when it was sealed for another session, or changed since */
export function openKey({ id, seal }: SessionKeys, user: string, sealed: string): Secret<string> {
  const bytes = Buffer.from(sealed, "base64");
  const [iv, rest] = [bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES)];
  try {
    const cipher = createDecipheriv(CIPHER, seal.reveal(), iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(`${user} ${id}`));
    cipher.setAuthTag(rest.subarray(rest.length - TAG_BYTES));
    const text = [cipher.update(rest.subarray(0, rest.length - TAG_BYTES)), cipher.final()];
    return new Secret(Buffer.concat(text).toString("utf8"));
  } catch (error) {
    throw new AppError("unauthenticated", "the key of the web session cannot be opened", { cause: error });
  }
}
