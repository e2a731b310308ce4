/**
 * Another web site may have a visitor's browser send requests to us, but it cannot read our cookies: a request that
 * changes something has to repeat one in a header. (`SameSite` and the check of the origin stand before it.)
 * @module
 */
import { randomBytes } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { equalInConstantTime } from "../../base/secret.ts";
import { CSRF_COOKIE, CSRF_HEADER } from "../../model/web.ts";
import type { WebEnv } from "./context.ts";
import { ForeignRequest } from "./same_origin.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** @throws {ForeignRequest} unless the header repeats the cookie, or the request changes nothing */
export function repeatsCsrfCookie(): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    if (!SAFE_METHODS.has(c.req.method)) {
      const cookie = getCookie(c, CSRF_COOKIE) ?? "";
      const header = c.req.header(CSRF_HEADER) ?? "";
      if (!TOKEN.test(cookie) || !equalInConstantTime(cookie, header)) {
        throw new ForeignRequest("the request does not come from our own pages; load the page anew");
      }
    }
    await next();
  };
}

/** Gives a browser that loads a page the cookie, if it has none. */
export function givesCsrfCookie(): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    await next();
    const isPage = c.res.headers.get("Content-Type")?.startsWith("text/html") === true;
    if (c.req.method !== "GET" || !isPage || TOKEN.test(getCookie(c, CSRF_COOKIE) ?? "")) return;
    setCookie(c, CSRF_COOKIE, randomBytes(TOKEN_BYTES).toString("base64url"), {
      path: "/",
      secure: true,
      sameSite: "Strict",
    });
  };
}
