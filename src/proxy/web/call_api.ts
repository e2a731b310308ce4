/**
 * `POST /call/<method>`: one call of the auth API with the user's own rights, and `POST /sites/<cluster>/call/<method>`: the
 * same of another cluster's. Only what the pages need is passed on; who may make a call is for that auth to decide.
 * @module
 */
import { Hono } from "hono";
import * as v from "valibot";
import type { Method } from "../../api/contract.ts";
import { AppError } from "../../base/errors.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import { jsonBody } from "./request_body.ts";
import { siteOf, type WebSites } from "./sites.ts";
import { SITE_PATHS } from "./sites_api.ts";
import type { WebSession } from "./web_session.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

/** Everything else is refused, whoever asks. */
const CALLED_BY_PAGES = [
  "cluster.get",
  "access.mine",
  "servers.list",
  "sessions.list",
  "sessions.end",
  "events.search",
  "recordings.list",
  "users.list",
  "users.invite",
  "users.update",
  "users.reset",
  "users.lock",
  "users.unlock",
  "users.remove",
  "tokens.create",
  "tokens.list",
  "tokens.remove",
  "resources.list",
  "resources.get",
  "resources.put",
  "resources.remove",
] as const satisfies readonly Method[];

/** Of these, what pages about another cluster need: what goes on there, and what has. */
const CALLED_OF_SITES = [
  "access.mine",
  "sessions.list",
  "sessions.end",
  "events.search",
  "recordings.list",
] as const satisfies readonly (typeof CALLED_BY_PAGES)[number][];

/** Auth checks the input against the call's schema; here it is only an object of some size. */
const Input = v.record(v.string(), v.unknown());

export function callApi({ signedIn, connections }: WebUsers, { sites }: { sites: WebSites }): WebApp {
  const api = new Hono<WebEnv>();
  const pass = async (c: WebContext, session: WebSession, known: readonly Method[], site?: string) => {
    const name = c.req.param("method");
    const method = known.find((known) => known === name);
    if (!method) throw new AppError("not_found", "there is no such call");
    const input = await jsonBody(c, Input);
    const caller = connections.caller(session, clientOf(c), site);
    return c.json(await caller.call(method, input as never));
  };
  signedIn.on(api, "POST", "/call/:method", (c, session) => pass(c, session, CALLED_BY_PAGES));
  for (const path of SITE_PATHS) {
    signedIn.on(
      api,
      "POST",
      `${path}/call/:method`,
      (c, session) => pass(c, session, CALLED_OF_SITES, siteOf(c, sites)),
    );
  }
  return api;
}
