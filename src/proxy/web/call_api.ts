/**
 * `POST /call/<method>`: one call of the auth API with the user's own rights. Only what the pages need is passed on;
 * who may make a call is auth's to decide.
 * @module
 */
import { Hono } from "hono";
import * as v from "valibot";
import type { Method } from "../../api/contract.ts";
import { AppError } from "../../base/errors.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { jsonBody } from "./request_body.ts";
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

/** Auth checks the input against the call's schema; here it is only an object of some size. */
const Input = v.record(v.string(), v.unknown());

export function callApi({ signedIn, connections }: WebUsers): WebApp {
  const api = new Hono<WebEnv>();
  signedIn.on(api, "POST", "/call/:method", async (c, session) => {
    const name = c.req.param("method");
    const method = CALLED_BY_PAGES.find((known) => known === name);
    if (!method) throw new AppError("not_found", "there is no such call");
    const input = await jsonBody(c, Input);
    const caller = connections.caller(session, clientOf(c));
    return c.json(await caller.call(method, input as never));
  });
  return api;
}
