/**
 * The HTML routes of the web front.
 * @module
 */
import { Hono } from "hono";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import { failureOf } from "./failure.ts";
import type { AuthGateway } from "./gateway.ts";
import { deadInvitePage, landingPage, type Site } from "./notice_page.ts";
import { isSsoFailure } from "../../model/sso.ts";
import { loginDonePage, loginFailedPage } from "./login_result_page.ts";
import { limitRate } from "./rate_limit.ts";
import { formBody } from "./request_body.ts";
import { signupDonePage, signupPage } from "./signup_page.ts";
import { hidingToken, openInvite, signupToken } from "./signup_token.ts";
import type { UiBundle } from "./ui_bundle.ts";
import type { PingReply, WebLimits } from "./webapi.ts";

/** What the pages need. */
export interface PagesOptions {
  gateway: AuthGateway;
  ping: () => PingReply;
  site: () => Site;
  clock: Clock;
  limits: WebLimits;
  /** The web interface, where it was built. */
  ui?: UiBundle;
}

/** The pages, to be mounted at the root. */
export function pages({ gateway, ping, site, clock, limits, ui }: PagesOptions): WebApp {
  const app = new Hono<WebEnv>();
  const landing = (c: WebContext) => c.html(landingPage(site(), ping().server_version));

  app.get("/", ui ? (c) => c.redirect("/web") : landing);
  app.get("/web", ui ? (c) => c.html(ui.index) : landing);

  app.get("/web/newuser/:token", limitRate(limits.invite), (c) =>
    orDeadInvite(c, site(), async () => {
      const token = signupToken(c.req.param("token"));
      const invite = await openInvite(gateway, token, clock, c.get("clientAddress"));
      return c.html(signupPage(site(), { invite, token, now: clock.now() }));
    }));

  // Where the form goes when scripts are off. With scripts it is sent to the JSON API instead.
  app.post("/web/newuser/:token", limitRate(limits.signup), (c) =>
    orDeadInvite(c, site(), async () => {
      const token = signupToken(c.req.param("token"));
      const invite = await openInvite(gateway, token, clock, c.get("clientAddress"));
      const form = await formBody(c);
      try {
        const { password, factor } = choices(form);
        await hidingToken(gateway.signup(token, password, factor, c.get("clientAddress")));
      } catch (error) {
        if (!isAppError(error, "bad_input")) throw error;
        const { status, message } = failureOf(error);
        return c.html(signupPage(site(), { invite, token, now: clock.now(), error: message }), status);
      }
      return c.html(signupDonePage(site(), invite.user));
    }));

  app.get("/web/msg/info/login_success", (c) => c.html(loginDonePage(site())));
  app.get("/web/msg/error/login_failed", (c) => {
    const why = c.req.query("why") ?? "";
    return c.html(loginFailedPage(site(), isSsoFailure(why) ? why : "invalid"), 403);
  });

  // Last: what is not one of the pages above, the interface knows, or says that it does not.
  if (ui) app.get("/web/*", (c) => c.req.path.startsWith("/web/assets/") ? c.notFound() : c.html(ui.index));

  return app;
}

/** Answers an invite that does not exist with a page that says what to do. */
async function orDeadInvite(
  c: WebContext,
  site: Site,
  answer: () => Promise<Response>,
): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (!isAppError(error, "not_found")) throw error;
    return c.html(deadInvitePage(site), 404);
  }
}

function choices(form: URLSearchParams): { password: Secret<string>; factor: Secret<string> } {
  const password = form.get("password") ?? "";
  if (password !== form.get("confirm")) throw new AppError("bad_input", "the two passwords are not the same");
  return {
    password: new Secret(password),
    factor: new Secret((form.get("code") ?? "").replaceAll(/\s/g, "")),
  };
}
