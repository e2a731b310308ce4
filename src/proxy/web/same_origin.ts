/**
 * Refuses requests that another web site makes through a visitor's browser.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { AppError } from "../../base/errors.ts";
import type { WebContext, WebEnv } from "./context.ts";

/** Made by another web site, or in its name. */
export class ForeignRequest extends AppError {
  constructor(message: string) {
    super("access_denied", message);
  }
}

/** What this proxy counts as its own origin, beside the host the request was sent to. */
export interface OwnOrigin {
  publicHost: string;
  tls: boolean;
}

/**
 * Refuses an `Origin` that is not ours. Programs send none and pass.
 *
 * A form on our own page sends `Origin: null`, because our pages ask for no referrer; the browser vouches for it with
 * `Sec-Fetch-Site`, which no page can forge.
 * @param foreignForms paths that other sites send forms to
 * @throws {AppError} access_denied
 */
export function sameOrigin(
  own: OwnOrigin,
  foreignForms: ReadonlySet<string> = new Set(),
): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const origin = c.req.header("origin");
    const isMeant = c.req.method === "POST" && foreignForms.has(c.req.path);
    if (origin !== undefined && !isMeant && !isOwn(origin, c, own)) {
      throw new ForeignRequest("requests from other web sites are refused");
    }
    await next();
  };
}

function isOwn(origin: string, c: WebContext, own: OwnOrigin): boolean {
  if (origin === "null") return c.req.header("sec-fetch-site") === "same-origin";
  const url = URL.parse(origin);
  if (url === null) return false;
  // Without TLS here, a balancer in front may speak it: then both schemes are ours.
  const schemes = own.tls ? ["https:"] : ["https:", "http:"];
  if (!schemes.includes(url.protocol)) return false;
  const asked = new URL(c.req.url).host;
  return url.host === asked || url.host === URL.parse(`${url.protocol}//${own.publicHost}`)?.host;
}
