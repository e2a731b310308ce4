/**
 * How requests carry the proof of a second factor: a code, or what a security key has answered; and where browsers and
 * `tsh` get what the key shall sign.
 * @module
 */
import { Hono, type MiddlewareHandler } from "hono";
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import type { RateLimit } from "../../base/rate_limit.ts";
import { Secret } from "../../base/secret.ts";
import type { SecondFactorKind } from "../../model/security_key.ts";
import type { WebApp, WebEnv } from "./context.ts";
import type { AuthGateway } from "./gateway.ts";
import { limitRate } from "./rate_limit.ts";
import { jsonBody } from "./request_body.ts";

const code = v.optional(v.pipe(v.string(), v.maxLength(64)), "");
/** What the key said is judged by auth. */
const keyAnswer = v.optional(v.record(v.string(), v.unknown()));

/** The fields of a body that prove the second factor. */
export const factorFields = {
  second_factor_token: code,
  /** Older clients' name of it. */
  otp_token: code,
  u2f_sign_response: keyAnswer,
  u2f_register_response: keyAnswer,
};

type FactorBody = v.InferOutput<v.ObjectSchema<typeof factorFields, undefined>>;

/** The proof that a body carries. */
export function factorOf(body: FactorBody): Secret<string> {
  const answer = body.u2f_sign_response ?? body.u2f_register_response;
  if (answer) return new Secret(JSON.stringify(answer));
  return new Secret((body.second_factor_token || body.otp_token).replaceAll(/\s/g, ""));
}

const ChallengeBody = v.object({ user: v.pipe(v.string(), v.minLength(1), v.maxLength(256)) });

/** What is known of the cluster's second factor. */
export type FactorFacts = () => { auth: { second_factor: SecondFactorKind; u2f?: { facets: string[] } } };

/** Refuses what is asked for under `/u2f` where no security keys are used; the same things have other addresses, too. */
export function onlyWithKeys(ping: FactorFacts): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    if (ping().auth.second_factor !== "u2f" && c.req.path.includes("/u2f/")) {
      throw new AppError("unsupported", "this cluster does not use security keys");
    }
    await next();
  };
}

/** Where clients get what a user's key shall sign. */
export function securityKeyApi(
  { gateway, ping, rate }: { gateway: AuthGateway; ping: FactorFacts; rate: RateLimit },
): WebApp {
  const api = new Hono<WebEnv>();
  api.post("/u2f/signrequest", onlyWithKeys(ping), limitRate(rate), async (c) => {
    const { user } = await jsonBody(c, ChallengeBody);
    return c.json(await gateway.challenge(user));
  });
  return api;
}

/** The other web addresses where keys of this host may be used (WebAuthn §5.11.1), as browsers ask for them. */
export function relatedOrigins(ping: FactorFacts): WebApp {
  const app = new Hono<WebEnv>();
  app.get("/.well-known/webauthn", (c) => {
    const { u2f } = ping().auth;
    return u2f ? c.json({ origins: u2f.facets }) : c.notFound();
  });
  return app;
}
