/**
 * Single sign-on through a browser: it is sent to the identity provider and comes back with an answer, which auth judges.
 * Whatever goes wrong ends on one page, which is told a word and never a text.
 * @module
 */
import { Hono } from "hono";
import * as v from "valibot";
import type { Caller } from "../../api/client.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import type { RateLimit } from "../../base/rate_limit.ts";
import { SSO_KINDS, type SsoFailure, type SsoKind } from "../../model/sso.ts";
import { certificateWish, compatibility, lifetime, publicKeyLine } from "./certificate_wish.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import { limitRate } from "./rate_limit.ts";
import { formBody, jsonBody } from "./request_body.ts";
import { bindBrowser, boundBrowser } from "./sso_browser.ts";
import type { WebUsers } from "./web_users.ts";

/** Where another site's form may be sent: the answers of SAML providers. */
export const FOREIGN_FORMS: ReadonlySet<string> = new Set(["/webapi/saml/acs", "/v1/webapi/saml/acs"]);

/** Groups make assertions long. */
const MAX_FORM_BYTES = 256 * 1024;
/** Parameters of answers; all others are dropped. */
const FIELDS = ["state", "code", "iss", "error", "error_description", "SAMLResponse", "RelayState"];

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const ConsoleBody = v.object({
  connector_id: v.optional(text(128)),
  /** The terminal's own address. */
  redirect_url: text(300),
  /** Seals the answer. */
  secret: text(128),
  public_key: text(24 * 1024),
  cert_ttl: lifetime,
  compatibility,
});

export interface SsoApiOptions {
  /** The proxy's own connection to auth. */
  api: Caller;
  loginRate: RateLimit;
}

export function ssoApi(users: WebUsers, { api, loginRate }: SsoApiOptions): WebApp {
  const routes = new Hono<WebEnv>();
  for (const kind of SSO_KINDS) {
    const begin = async (c: WebContext) => {
      const browser = bindBrowser(c, kind);
      const connector = c.req.query("connector_id");
      const purpose = { for: "web", browser, returnTo: returnTo(c.req.query("redirect_url")) } as const;
      const address = c.get("clientAddress");
      try {
        const { url } = await api.call("sso.begin", {
          kind,
          ...(connector === undefined ? {} : { connector }),
          purpose,
          address,
        });
        return c.redirect(url);
      } catch (error) {
        return failedPage(c, whyOf(error));
      }
    };
    routes.get(kind === "saml" ? "/saml/sso" : `/${kind}/login/web`, limitRate(loginRate), begin);

    routes.post(`/${kind}/login/console`, limitRate(loginRate), async (c) => {
      const body = await jsonBody(c, ConsoleBody);
      const { url } = await api.call("sso.begin", {
        kind,
        ...(body.connector_id === undefined ? {} : { connector: body.connector_id }),
        purpose: {
          for: "console",
          publicKey: publicKeyLine(body.public_key, "public_key"),
          callback: body.redirect_url,
          secret: body.secret,
          ...certificateWish(body.cert_ttl, body.compatibility),
        },
        address: c.get("clientAddress"),
      });
      return c.json({ redirect_url: url });
    });
  }

  for (const kind of ["github", "oidc"] as const) {
    routes.get(`/${kind}/callback`, limitRate(loginRate), (c) => finish(c, kind, c.req.query()));
  }
  routes.post("/saml/acs", limitRate(loginRate), async (c) => {
    const form = await formBody(c, MAX_FORM_BYTES);
    return await finish(c, "saml", Object.fromEntries(form));
  });
  routes.get("/saml/metadata/:connector", limitRate(loginRate), async (c) => {
    const { xml } = await api.call("sso.metadata", { connector: c.req.param("connector") });
    return c.body(xml, 200, { "Content-Type": "application/samlmetadata+xml" });
  });

  const finish = async (c: WebContext, kind: SsoKind, given: Record<string, string>): Promise<Response> => {
    const fields = Object.fromEntries(FIELDS.flatMap((name) => {
      const value = given[name];
      return value === undefined ? [] : [[name, value.slice(0, MAX_FORM_BYTES)]];
    }));
    const browser = boundBrowser(c, kind);
    const address = c.get("clientAddress");
    try {
      const finished = await api.call("sso.finish", {
        kind,
        fields,
        ...(browser === undefined ? {} : { browser }),
        address,
      });
      if (finished.result === "failed") return failedPage(c, finished.why);
      if (finished.result === "console") return c.redirect(finished.url, 303);
      const { session, cookie } = await users.sessions.claim(finished.user, finished.claim, address);
      users.signedIn.setCookie(c, cookie, session.facts.expires);
      return c.redirect(finished.returnTo, 303);
    } catch (error) {
      return failedPage(c, whyOf(error));
    }
  };
  return routes;
}

/** A place of our own pages, whatever was asked for. */
function returnTo(asked: string | undefined): string {
  return asked !== undefined && /^\/web(\/[\x21-\x5b\x5d-\x7e]{0,1000})?$/.test(asked) ? asked : "/web";
}

/** @throws what is no failure of the login */
function whyOf(error: unknown): SsoFailure {
  if (!isAppError(error)) throw error;
  const byCode: Partial<Record<AppError["code"], SsoFailure>> = {
    bad_input: "logins",
    unauthenticated: "expired",
    not_found: "provider",
    unavailable: "provider",
    timeout: "provider",
  };
  const why = byCode[error.code];
  if (why === undefined) throw error;
  return why;
}

function failedPage(c: WebContext, why: SsoFailure): Response {
  return c.redirect(`/web/msg/error/login_failed?why=${why}`, 303);
}
