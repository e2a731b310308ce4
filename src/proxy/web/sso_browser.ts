/**
 * What ties a single sign-on to the browser it was begun in: a secret cookie, of which auth is told the digest alone.
 * Somebody else's answer of a provider opens no session here, and ours none elsewhere.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { getCookie, setCookie } from "hono/cookie";
import { SECOND } from "../../base/duration.ts";
import { SSO, type SsoKind } from "../../model/sso.ts";
import type { WebContext } from "./context.ts";

/**
 * GitHub and OpenID providers send the browser back by a link, with which it brings a lax cookie; SAML providers by a
 * form of theirs, with which it brings none but those that are meant for other sites as well.
 */
const COOKIES = {
  link: { name: "__Host-sso", sameSite: "Lax" },
  form: { name: "__Host-sso-form", sameSite: "None" },
} as const;

const SECRET = /^[A-Za-z0-9_-]{43}$/;

function cookieOf(kind: SsoKind) {
  return kind === "saml" ? COOKIES.form : COOKIES.link;
}

/** The digest of the browser's secret, which it gets if it has none. Several logins at once share it. */
export function bindBrowser(c: WebContext, kind: SsoKind): string {
  const { name, sameSite } = cookieOf(kind);
  const known = getCookie(c, name) ?? "";
  const secret = SECRET.test(known) ? known : randomBytes(32).toString("base64url");
  setCookie(c, name, secret, { path: "/", secure: true, httpOnly: true, sameSite, maxAge: SSO.ttl / SECOND });
  return digest(secret);
}

/** The digest of the secret that the browser brings; undefined when it brings none. */
export function boundBrowser(c: WebContext, kind: SsoKind): string | undefined {
  const secret = getCookie(c, cookieOf(kind).name) ?? "";
  return SECRET.test(secret) ? digest(secret) : undefined;
}

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
