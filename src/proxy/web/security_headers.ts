/**
 * The headers that go with every answer of the web front.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import type { WebEnv } from "./context.ts";

/** No inline code or styles, nothing from elsewhere, no framing. `data:` is there for the QR code. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/**
 * Header names and values for an answer.
 *
 * The referrer is never sent because the address of a signup page is itself a secret. HSTS names no subdomains: the
 * proxy's name may be the parent of hosts that are not ours.
 * @param tls true when clients reach the proxy over HTTPS.
 */
export function securityHeaders(tls: boolean): Record<string, string> {
  return {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    ...(tls ? { "Strict-Transport-Security": "max-age=31536000" } : {}),
  };
}

/** Sets the security headers on every answer, and `no-store` where a handler chose no caching of its own. */
export function secureAnswers(tls: boolean): MiddlewareHandler<WebEnv> {
  const headers = Object.entries(securityHeaders(tls));
  return async (c, next) => {
    await next();
    for (const [name, value] of headers) c.res.headers.set(name, value);
    if (!c.res.headers.has("Cache-Control")) c.res.headers.set("Cache-Control", "no-store");
  };
}
