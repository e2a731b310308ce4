/**
 * Signing in and out, and who it is that is signed in.
 * @module
 */
import { Hono } from "hono";
import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import type { RateLimit } from "../../base/rate_limit.ts";
import { Secret } from "../../base/secret.ts";
import type { WebBearer, WebUserContext } from "../../model/web.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { repeatsCsrfCookie } from "./csrf.ts";
import { limitRate } from "./rate_limit.ts";
import { factorFields, factorOf, onlyWithKeys } from "./second_factor.ts";
import { jsonBody } from "./request_body.ts";
import { BEARER_TTL, makeBearer } from "./session_tokens.ts";
import { clientOf, type WebUsers } from "./web_users.ts";
import type { WebSession } from "./web_session.ts";
import type { PingReply } from "./webapi.ts";

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));

const LoginBody = v.object({
  user: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  pass: text(1024),
  ...factorFields,
});

export function sessionsApi(
  { sessions, signedIn, connections }: WebUsers,
  { ping, clock, loginRate }: { ping(): PingReply; clock: Clock; loginRate: RateLimit },
): WebApp {
  const api = new Hono<WebEnv>();
  const bearer = (session: WebSession): WebBearer => {
    const now = clock.now();
    const left = session.facts.expires - now;
    return {
      type: "bearer",
      token: makeBearer(session.facts.keys, now),
      expires_in: Math.floor(Math.min(BEARER_TTL, left) / SECOND),
      session_expires_in: Math.floor(left / SECOND),
      user: session.user,
    };
  };

  api.on(
    "POST",
    ["/sessions", "/u2f/sessions"],
    onlyWithKeys(ping),
    repeatsCsrfCookie(),
    limitRate(loginRate),
    async (c) => {
      const body = await jsonBody(c, LoginBody);
      const { session, cookie } = await sessions.login({
        user: body.user,
        password: new Secret(body.pass),
        factor: factorOf(body),
        clientAddress: c.get("clientAddress"),
      });
      signedIn.setCookie(c, cookie, session.facts.expires);
      return c.json(bearer(session));
    },
  );

  signedIn.on(api, "POST", "/sessions/renew", (c, session) => c.json(bearer(session)), "csrf token");

  signedIn.on(api, "DELETE", "/sessions", async (c, session) => {
    await sessions.logout(session, c.get("clientAddress"));
    signedIn.dropCookie(c);
    return c.json({ message: "ok" });
  }, "csrf token");

  signedIn.on(api, "GET", "/user/status", (c) => c.json({}));

  signedIn.on(api, "GET", "/user/context", async (c, session) => {
    const mine = await connections.caller(session, clientOf(c)).call("access.mine", {});
    const { cluster_name, auth, server_version } = ping();
    const context: WebUserContext = {
      user: mine.name,
      cluster: cluster_name,
      roles: mine.roles,
      logins: mine.logins,
      rights: mine.rights,
      ...(mine.connector === undefined ? {} : { connector: mine.connector }),
      second_factor: auth.second_factor,
      version: server_version,
    };
    return c.json(context);
  });

  return api;
}
