/**
 * The JSON API of the web front, under `/webapi` and `/v1/webapi`.
 * @module
 */
import { Buffer } from "node:buffer";
import { Hono } from "hono";
import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import type { SecondFactorKind } from "../../model/security_key.ts";
import type { LoginChoice, SsoKind } from "../../model/sso.ts";
import { certificateWish, compatibility, lifetime, publicKeyLine } from "./certificate_wish.ts";
import type { WebApp, WebEnv } from "./context.ts";
import type { AuthGateway, IssuedLogin } from "./gateway.ts";
import { jsonBody } from "./request_body.ts";
import { qrCodeUri } from "./qr_code.ts";
import type { RateLimit } from "../../base/rate_limit.ts";
import { limitRate } from "./rate_limit.ts";
import { factorFields, factorOf, onlyWithKeys, securityKeyApi } from "./second_factor.ts";
import { hidingToken, openInvite, signupToken } from "./signup_token.ts";

/** What anyone may ask about this cluster before logging in. */
export interface PingReply {
  auth: {
    /** How users log in, unless they say otherwise. */
    type: LoginChoice["type"];
    second_factor: SecondFactorKind;
    /** With security keys as the second factor. */
    u2f?: { app_id: string; facets: string[] };
    /** The connector that a login begins with, below the name of its type. */
    github?: PingConnector;
    oidc?: PingConnector;
    saml?: PingConnector;
    /** All connectors. */
    connectors?: (PingConnector & { type: SsoKind })[];
  };
  /** Addresses of the SSH front, `host:port`. */
  proxy: { ssh: { listen_addr: string; public_addr: string } };
  cluster_name: string;
  /** The public keys of the cluster's host CA: clients of before a rotation learn the new one from here. */
  host_authorities: string[];
  /** The public keys of its user CA: a client sees whether its certificate is still good. */
  user_authorities: string[];
  server_version: string;
  min_client_version: string;
}

/** A connector, and the text on its button. */
export interface PingConnector {
  name: string;
  display: string;
}

/** What the API needs. */
export interface WebApiOptions {
  gateway: AuthGateway;
  ping: () => PingReply;
  clock: Clock;
  limits: WebLimits;
}

/** Rate limits, shared by the API and the pages that do the same work. */
export interface WebLimits {
  invite: RateLimit;
  signup: RateLimit;
  login: RateLimit;
  /** Asking for something to sign. */
  challenge: RateLimit;
}

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));

const LoginBody = v.object({
  user: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  password: text(1024),
  ...factorFields,
  pub_key: v.pipe(v.string(), v.minLength(1), v.maxLength(24 * 1024)),
  ttl: lifetime,
  compatibility,
});

const SignupBody = v.object({
  invite_token: text(1024),
  pass: text(1024),
  ...factorFields,
});

/** The routes of the API, to be mounted under a prefix. */
export function webApi({ gateway, ping, clock, limits }: WebApiOptions): WebApp {
  const api = new Hono<WebEnv>();

  api.get("/ping", (c) => c.json(ping()));

  api.get("/ping/:connector", (c) => c.json(pingOf(ping(), c.req.param("connector"))));

  const withKeys = onlyWithKeys(ping);
  api.route("/", securityKeyApi({ gateway, ping, rate: limits.challenge }));

  api.on("POST", ["/ssh/certs", "/u2f/certs"], withKeys, limitRate(limits.login), async (c) => {
    const body = await jsonBody(c, LoginBody);
    const issued = await gateway.login({
      user: body.user,
      password: new Secret(body.password),
      factor: factorOf(body),
      publicKey: publicKeyLine(body.pub_key),
      ...certificateWish(body.ttl, body.compatibility),
      clientAddress: c.get("clientAddress"),
    });
    return c.json(loginReply(issued));
  });

  api.on(
    "GET",
    ["/users/invites/:token", "/u2f/signuptokens/:token"],
    withKeys,
    limitRate(limits.invite),
    async (c) => {
      const token = signupToken(c.req.param("token") ?? "");
      const invite = await openInvite(gateway, token, clock, c.get("clientAddress"));
      return c.json({
        invite_token: token.reveal(),
        user: invite.user,
        second_factor: invite.secondFactor,
        qr: invite.otpUri === undefined ? "" : qrCodeUri(invite.otpUri),
        otp_uri: invite.otpUri ?? "",
        ...(invite.securityKey ? { u2f: invite.securityKey } : {}),
      });
    },
  );

  api.on("POST", ["/users", "/u2f/users"], withKeys, limitRate(limits.signup), async (c) => {
    const body = await jsonBody(c, SignupBody);
    const token = signupToken(body.invite_token);
    const password = new Secret(body.pass);
    await hidingToken(gateway.signup(token, password, factorOf(body), c.get("clientAddress")));
    return c.json({ message: "ok" });
  });

  return api;
}

/** As if this connector were the one that logins begin with. @throws {AppError} not_found */
function pingOf(reply: PingReply, name: string): PingReply {
  const { connectors = [], second_factor, u2f } = reply.auth;
  const plain = { second_factor, ...(u2f ? { u2f } : {}), connectors };
  if (name === "local") return { ...reply, auth: { type: "local", ...plain } };
  const found = connectors.find((each) => each.name === name);
  if (!found) throw new AppError("not_found", `there is no connector of this name`);
  const { type, display } = found;
  return { ...reply, auth: { type, ...plain, [type]: { name, display } } };
}

function loginReply(issued: IssuedLogin) {
  return {
    username: issued.user,
    cert: toBase64(issued.certificate),
    host_signers: [{
      domain_name: issued.clusterName,
      checking_keys: issued.hostAuthorities.map(toBase64),
    }],
  };
}

function toBase64(line: string): string {
  return Buffer.from(line, "utf8").toString("base64");
}
