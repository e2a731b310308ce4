/**
 * The audit log: searched, and followed line by line for as long as the page is open.
 * @module
 */
import { Hono } from "hono";
import type { ApiClient } from "../../api/client.ts";
import type { Clock } from "../../base/clock.ts";
import { DAY, SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { AuditEvent } from "../../model/event.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import { demandSite } from "./signed_in.ts";
import { SITE_PATHS } from "./sites_api.ts";
import { clientOf, type WebUsers } from "./web_users.ts";
import type { WebSession } from "./web_session.ts";

const LAST_MONTH = 31 * DAY;
const HEARTBEAT = 15 * SECOND;
/** Who is so far behind reads no more. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface EventsOptions {
  cluster(): string;
  clock: Clock;
}

export function eventsApi(users: WebUsers, { cluster, clock }: EventsOptions): WebApp {
  const { signedIn, connections, streams } = users;
  const api = new Hono<WebEnv>();
  for (const site of SITE_PATHS) {
    signedIn.on(api, "GET", `${site}/events`, async (c, session) => {
      demandSite(c, cluster());
      const limit = c.req.query("limit");
      const events = await connections.caller(session, clientOf(c)).call("events.search", {
        from: time(c, "from") ?? clock.now() - LAST_MONTH,
        to: time(c, "to"),
        ...filterOf(c),
        limit: limit === undefined ? undefined : Number(limit),
      });
      return c.json({ events });
    });

    signedIn.on(api, "GET", `${site}/events/follow`, async (c, session) => {
      demandSite(c, cluster());
      const client = clientOf(c);
      const free = streams.take(session, client);
      const { promise: opened, resolve, reject } = Promise.withResolvers<ReadableStream<Uint8Array>>();
      connections.withChannel(session, client, async (channel) => {
        const follower = new Follower(channel, session, clock);
        await channel.follow(filterOf(c), (events) => follower.show(events));
        resolve(follower.body);
        await follower.over;
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

/** Lines of events on their way to one page. */
class Follower {
  readonly body: ReadableStream<Uint8Array>;
  /** Settles when the page, the session or auth's side is gone. */
  readonly over: Promise<void>;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #end = () => {};

  constructor(channel: ApiClient, session: WebSession, clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    let heartbeat = clock.after(HEARTBEAT, () => {});
    const beat = () => {
      this.#send("\n");
      heartbeat = clock.after(HEARTBEAT, beat);
    };
    const size = (piece: Uint8Array) => piece.length;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#end(),
    }, { highWaterMark: MAX_WAITING_BYTES, size });
    const release = session.hold(() => this.#end());
    this.#end = () => {
      if (!this.#controller) return;
      heartbeat.cancel();
      release();
      try {
        this.#controller.close();
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // the page has closed it
      }
      this.#controller = undefined;
      resolve();
    };
    beat();
    channel.closed.then(() => this.#end());
    if (session.isOver) this.#end();
  }

  show(events: AuditEvent[]): void {
    this.#send(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }

  #send(text: string): void {
    if (!this.#controller || text === "") return;
    if ((this.#controller.desiredSize ?? 0) <= 0) return this.#end();
    this.#controller.enqueue(this.#encoder.encode(text));
  }
}
