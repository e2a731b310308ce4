/**
 * The audit log, of this cluster and of others: searched, and followed line by line for as long as the page is open.
 * @module
 */
import { Hono } from "hono";
import type { Clock } from "../../base/clock.ts";
import { DAY } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import { EventLines } from "./event_lines.ts";
import { siteOf, type WebSites } from "./sites.ts";
import { SITE_PATHS } from "./sites_api.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

const LAST_MONTH = 31 * DAY;

export interface EventsOptions {
  sites: WebSites;
  clock: Clock;
}

export function eventsApi(users: WebUsers, { sites, clock }: EventsOptions): WebApp {
  const { signedIn, connections, streams } = users;
  const api = new Hono<WebEnv>();
  for (const path of SITE_PATHS) {
    signedIn.on(api, "GET", `${path}/events`, async (c, session) => {
      const site = siteOf(c, sites);
      const limit = c.req.query("limit");
      const events = await connections.caller(session, clientOf(c), site).call("events.search", {
        from: time(c, "from") ?? clock.now() - LAST_MONTH,
        to: time(c, "to"),
        ...filterOf(c),
        limit: limit === undefined ? undefined : Number(limit),
      });
      return c.json({ events });
    });

    signedIn.on(api, "GET", `${path}/events/follow`, async (c, session) => {
      const site = siteOf(c, sites);
      const client = clientOf(c);
      const free = streams.take(session, client);
      const { promise: opened, resolve, reject } = Promise.withResolvers<ReadableStream<Uint8Array>>();
      connections.withChannel({ session, client, site }, async (channel) => {
        const lines = new EventLines(channel, session, clock);
        await channel.follow(filterOf(c), (events) => lines.show(events));
        resolve(lines.body);
        await lines.over;
      }).catch(reject).finally(free);
      return c.body(await opened, 200, { "Content-Type": "application/x-ndjson", "X-Accel-Buffering": "no" });
    });
  }
  return api;
}

function filterOf(c: WebContext) {
  const types = c.req.query("type")?.split(",").filter((type) => type !== "");
  const filter = {
    events: types?.length ? types : undefined,
    user: c.req.query("user"),
    text: c.req.query("search"),
  };
  return Object.fromEntries(
    Object.entries(filter).filter(([, value]) => value !== undefined && value !== ""),
  );
}

/** RFC 3339. @throws {AppError} bad_input */
function time(c: WebContext, name: string): number | undefined {
  const text = c.req.query(name);
  if (text === undefined || text === "") return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new AppError("bad_input", `"${name}" must be a time as 2018-05-01T10:00:00Z`);
  return ms;
}
