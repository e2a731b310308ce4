/**
 * The web front of a proxy: the JSON API, the signup pages and their assets behind one set of guards.
 * @module
 */
import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import type { Clock } from "../../base/clock.ts";
import { RateLimit, RateLimits, type RateRule } from "../../base/rate_limit.ts";
import { serveAssets } from "./assets.ts";
import { clientAddress, type WebApp, type WebContext, type WebEnv } from "./context.ts";
import { givesCsrfCookie } from "./csrf.ts";
import { failureOf } from "./failure.ts";
import type { AuthGateway } from "./gateway.ts";
import { errorPage, type Site } from "./notice_page.ts";
import { pages } from "./pages.ts";
import { type PairClusters, pairingApi } from "./pairing_api.ts";
import { limitRate, RateLimited } from "./rate_limit.ts";
import { ForeignRequest, sameOrigin } from "./same_origin.ts";
import { relatedOrigins } from "./second_factor.ts";
import { FOREIGN_FORMS } from "./sso_api.ts";
import { secureAnswers } from "./security_headers.ts";
import { serveUiFiles, type UiBundle } from "./ui_bundle.ts";
import { type PingReply, webApi, type WebLimits } from "./webapi.ts";

/** A failure on our side, for the log. It names the route's pattern, because the real path may hold an invite. */
export interface WebFailure {
  error: unknown;
  method: string;
  route: string;
  clientAddress: string;
}

/** What the web front needs. */
export interface WebAppOptions {
  gateway: AuthGateway;
  /** Another cluster wants to pair with this one. @throws {AppError} access_denied unless it proves a token */
  pairing?: PairClusters;
  /** Answers `GET /webapi/ping`; asked anew each time. */
  ping: () => PingReply;
  clock: Clock;
  /** `host:port` by which users reach the web front, as they type it after `--proxy=`. */
  publicHost: string;
  /** True when users reach it over HTTPS. */
  tls: boolean;
  /** The web interface; without it there is a page that says how to use the terminal. */
  ui?: UiBundle;
  /** What it does for signed-in users. */
  signedIn?: { routes(limits: WebLimits): WebApp };
  /** How fast each client network may send requests, besides what single pages allow. */
  rates?: readonly RateRule[];
  /** Told about every failure that is answered with a status of 500 and above. */
  onError?: (failure: WebFailure) => void;
  /** Told about every request that a rate limit refuses, or that another web site has made. */
  onRefused?: (clientAddress: string, reason: string) => void;
}

/**
 * Makes the web application. Serve it with `serveHttps`, or call its `request` method in a test.
 *
 * Rate limits are counted per application, that is per proxy.
 */
export function webApp(options: WebAppOptions): WebApp {
  const { gateway, ping, clock, publicHost, tls } = options;
  const limits = rateLimits(clock);
  const site = (): Site => ({ clusterName: ping().cluster_name, publicHost });
  const app = new Hono<WebEnv>();

  const rates = new RateLimits(options.rates ?? [], clock);
  app.use(
    "*",
    clientAddress(),
    secureAnswers(tls),
    limitRate(rates),
    sameOrigin({ publicHost, tls }, FOREIGN_FORMS),
  );
  const api = webApi({ gateway, ping, clock, limits });
  const signedIn = options.signedIn?.routes(limits);
  for (const prefix of ["/webapi", "/v1/webapi"]) {
    app.route(prefix, api);
    if (options.pairing) app.route(prefix, pairingApi(options.pairing, clock));
    if (signedIn) app.route(prefix, signedIn);
  }
  app.route("/", relatedOrigins(ping));
  app.use("/web", givesCsrfCookie());
  app.use("/web/*", givesCsrfCookie());
  serveAssets(app);
  if (options.ui) serveUiFiles(app, options.ui);
  app.route("/", pages({ gateway, ping, site, clock, limits, ui: options.ui }));

  app.notFound((c) => {
    const message = "there is nothing at this address";
    return wantsPage(c) ? c.html(errorPage(site(), 404, message), 404) : c.json({ message }, 404);
  });
  app.onError((error, c) => {
    const { status, message, retryAfter } = failureOf(error);
    if (error instanceof RateLimited) options.onRefused?.(c.get("clientAddress"), "too many requests");
    if (error instanceof ForeignRequest) options.onRefused?.(c.get("clientAddress"), message);
    if (status >= 500) options.onError?.(describe(error, c));
    const headers: Record<string, string> = retryAfter === undefined
      ? {}
      : { "Retry-After": String(retryAfter) };
    return wantsPage(c)
      ? c.html(errorPage(site(), status, message), status, headers)
      : c.json({ message }, status, headers);
  });
  return app;
}

function rateLimits(clock: Clock): WebLimits {
  return {
    invite: new RateLimit({ clock, burst: 20, perSecond: 1 }),
    signup: new RateLimit({ clock, burst: 20, perSecond: 1 }),
    // Wider: a whole office may sign in through one address, and the auth service locks accounts besides.
    login: new RateLimit({ clock, burst: 60, perSecond: 5 }),
    challenge: new RateLimit({ clock, burst: 60, perSecond: 5 }),
  };
}

/** People get pages, programs get JSON, and the API answers JSON to everyone. */
function wantsPage(c: Context<WebEnv>): boolean {
  if (/^(\/v1)?\/webapi(\/|$)/.test(c.req.path)) return false;
  return c.req.path.startsWith("/web/newuser/") || (c.req.header("accept") ?? "").includes("text/html");
}

function describe(error: unknown, c: WebContext): WebFailure {
  return {
    error,
    method: c.req.method,
    route: routePath(c, -1),
    clientAddress: c.get("clientAddress") ?? "",
  };
}
