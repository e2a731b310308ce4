/**
 * Routes that take a web session. There is no other way to add one, so none can be added without the checks: the cookie,
 * the bearer (or a ticket, on routes that take one), the CSRF token, and the user's rate.
 * @module
 */
import type { Hono, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { networkOf } from "../../base/client_address.ts";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError, type ErrorCode, isAppError } from "../../base/errors.ts";
import { RateLimit } from "../../base/rate_limit.ts";
import type { WebContext, WebEnv } from "./context.ts";
import { repeatsCsrfCookie } from "./csrf.ts";
import { NotSignedIn } from "./not_signed_in.ts";
import { RateLimited } from "./rate_limit.ts";
import { formatSessionCookie, parseSessionCookie, type SessionCookie } from "./session_secret.ts";
import { isBearer, isTicket, TICKET_TTL } from "./session_tokens.ts";
import type { WebSession } from "./web_session.ts";
import type { WebSessions } from "./web_sessions.ts";

const SESSION_COOKIE = "__Host-session";
const SESSION_COOKIE_OPTIONS = { path: "/", secure: true, httpOnly: true, sameSite: "Strict" } as const;

/** What proves, beside the cookie, that one of our pages makes the request. */
export type Proof =
  | "bearer"
  /** A one-time ticket in the address, for a plain link; a bearer is as good. */
  | "ticket"
  /** The first message of a WebSocket carries the bearer; the handler checks it. */
  | "first message"
  /** For what gives the bearer, and what signs out. */
  | "csrf token";

/**
 * What failures look like to somebody who is signed in, with their texts: what became of a node is no secret to its
 * users. Of others see `failure.ts`.
 */
const STATUS: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  already_exists: 409,
  conflict: 409,
  unsupported: 400,
  unavailable: 503,
  closed: 503,
  timeout: 504,
};

export type Answer = (c: WebContext, session: WebSession) => Response | Promise<Response>;

export class SignedIn {
  readonly #sessions: WebSessions;
  readonly #clock: Clock;
  /** Of one user: a page with a dozen lists, and somebody quick. */
  readonly #ofUser: RateLimit;
  /** Cookies that are not known here are asked for at auth. */
  readonly #unknown: RateLimit;

  constructor(sessions: WebSessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#ofUser = new RateLimit({ clock, burst: 400, perSecond: 50 });
    this.#unknown = new RateLimit({ clock, burst: 100, perSecond: 5 });
  }

  /** Adds a route to `api`. */
  on(
    api: Hono<WebEnv>,
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    answer: Answer,
    proof: Proof = "bearer",
  ) {
    const guard: MiddlewareHandler<WebEnv> = async (c, next) => {
      c.set("session", await this.#admit(c, proof));
      await next();
    };
    api.on(method, path, repeatsCsrfCookie(), guard, async (c) => {
      const session = c.get("session");
      if (!session) throw new NotSignedIn();
      try {
        const response = await answer(c, session);
        // It is the GET that has made the body; nobody will read it.
        if (c.req.method === "HEAD") await response.body?.cancel();
        return response;
      } catch (error) {
        if (session.isOver) throw new NotSignedIn(); // whatever it was, it broke off with the session
        const status = isAppError(error) ? STATUS[error.code] : undefined;
        if (status === undefined || !isAppError(error)) throw error;
        return c.json({ message: error.message }, status);
      }
    });
  }

  /** @throws {AppError} NotSignedIn; limit */
  async #admit(c: WebContext, proof: Proof): Promise<WebSession> {
    const cookie = parseSessionCookie(getCookie(c, SESSION_COOKIE) ?? "");
    if (!cookie) throw new NotSignedIn();
    const address = c.get("clientAddress");
    const session = await this.#sessions.find(cookie, address, () => {
      const wait = this.#unknown.take(networkOf(address));
      if (wait > 0) throw new RateLimited(wait);
    });
    if (!this.#isProven(c, session, proof)) throw new NotSignedIn();
    const wait = this.#ofUser.take(session.user);
    if (wait > 0) throw new RateLimited(wait);
    return session;
  }

  #isProven(c: WebContext, session: WebSession, proof: Proof): boolean {
    if (proof === "csrf token" || proof === "first message") return true;
    const now = this.#clock.now();
    const { keys } = session.facts;
    const bearer = /^Bearer ([\x21-\x7e]{1,128})$/.exec(c.req.header("authorization") ?? "")?.[1];
    if (bearer !== undefined) return isBearer(keys, bearer, now);
    const ticket = c.req.query("ticket");
    return proof === "ticket" && ticket !== undefined && isTicket(keys, ticketPath(c.req.url), ticket, now) &&
      session.useTicket(ticket, now, TICKET_TTL);
  }

  setCookie(c: WebContext, cookie: SessionCookie, expires: number): void {
    const maxAge = Math.floor((expires - this.#clock.now()) / SECOND);
    setCookie(c, SESSION_COOKIE, formatSessionCookie(cookie), { ...SESSION_COOKIE_OPTIONS, maxAge });
  }

  dropCookie(c: WebContext): void {
    deleteCookie(c, SESSION_COOKIE, SESSION_COOKIE_OPTIONS);
  }
}

/**
 * What a ticket opens: the path with its query, but for the ticket itself.
 * @param url with its host, or beginning with the path
 * @throws {AppError} bad_input
 */
export function ticketPath(url: string): string {
  const parsed = URL.parse(url.startsWith("/") ? `https://any${url}` : url);
  if (!parsed) throw new AppError("bad_input", "this is no path");
  const { pathname, searchParams } = parsed;
  searchParams.delete("ticket");
  searchParams.sort();
  const query = searchParams.toString();
  return pathname + (query === "" ? "" : `?${query}`);
}
