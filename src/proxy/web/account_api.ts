/**
 * The user's own account: another password, another second factor. Each takes the password and the second factor anew, and
 * ends the user's other web sessions.
 * @module
 */
import { Hono } from "hono";
import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { RateLimit } from "../../base/rate_limit.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { qrCodeUri } from "./qr_code.ts";
import { RateLimited } from "./rate_limit.ts";
import { jsonBody } from "./request_body.ts";
import { factorFields, factorOf } from "./second_factor.ts";
import { clientOf, type WebUsers } from "./web_users.ts";
import type { WebSession } from "./web_session.ts";

const secret = v.pipe(v.string(), v.maxLength(1024));

const PasswordBody = v.object({ old_password: secret, new_password: secret, ...factorFields });
const ProofBody = v.object({ pass: secret, ...factorFields });
const AnswerBody = v.object(factorFields);

export function accountApi({ signedIn, connections }: WebUsers, { clock }: { clock: Clock }): WebApp {
  const api = new Hono<WebEnv>();
  // Beside the lock after five failures: each try costs the server a password hash.
  const rate = new RateLimit({ clock, burst: 10, perSecond: 1 / 6 });
  const slowly = ({ user }: WebSession) => {
    const wait = rate.take(user);
    if (wait > 0) throw new RateLimited(wait);
  };

  signedIn.on(api, "PUT", "/users/password", async (c, session) => {
    slowly(session);
    const body = await jsonBody(c, PasswordBody);
    await connections.caller(session, clientOf(c)).call("account.password", {
      password: body.old_password,
      otp: factorOf(body).reveal(),
      newPassword: body.new_password,
      keepSession: session.id,
    });
    return c.json({ message: "ok" });
  });

  signedIn.on(api, "POST", "/users/secondfactor", async (c, session) => {
    slowly(session);
    const body = await jsonBody(c, ProofBody);
    const { otpUri, securityKey, expires } = await connections.caller(session, clientOf(c)).call(
      "account.enroll",
      { password: body.pass, otp: factorOf(body).reveal() },
    );
    return c.json({
      ...(otpUri === undefined ? {} : { uri: otpUri, qr: qrCodeUri(otpUri) }),
      ...(securityKey ? { u2f: securityKey } : {}),
      expires: new Date(expires).toISOString(),
    });
  });

  signedIn.on(api, "PUT", "/users/secondfactor", async (c, session) => {
    slowly(session);
    const otp = factorOf(await jsonBody(c, AnswerBody)).reveal();
    await connections.caller(session, clientOf(c)).call("account.confirm", {
      otp,
      keepSession: session.id,
    });
    return c.json({ message: "ok" });
  });

  return api;
}
