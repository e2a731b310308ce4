/**
 * Tickets: a page with a bearer gets one for a path, and a plain link uses it up.
 * @module
 */
import { Hono } from "hono";
import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { jsonBody } from "./request_body.ts";
import { makeTicket } from "./session_tokens.ts";
import { ticketPath } from "./signed_in.ts";
import type { WebUsers } from "./web_users.ts";

const Body = v.object({ path: v.pipe(v.string(), v.minLength(1), v.maxLength(8192)) });

export function ticketsApi({ signedIn }: WebUsers, { clock }: { clock: Clock }): WebApp {
  const api = new Hono<WebEnv>();
  signedIn.on(api, "POST", "/tickets", async (c, session) => {
    const { path } = await jsonBody(c, Body);
    if (!path.startsWith("/")) throw new AppError("bad_input", "a ticket is for a path of this host");
    return c.json({ ticket: makeTicket(session.facts.keys, ticketPath(path), clock.now()) });
  });
  return api;
}
