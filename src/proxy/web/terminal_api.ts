/**
 * `GET /sites/:site/connect`: the WebSocket of a terminal. The upgrade takes the cookie and our own origin, the first
 * message the bearer.
 * @module
 */
import { Hono } from "hono";
import { networkOf } from "../../base/client_address.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { RateLimit } from "../../base/rate_limit.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import type { NodeDialer } from "./node_dialer.ts";
import { NotSignedIn } from "./not_signed_in.ts";
import { isBearer } from "./session_tokens.ts";
import { ForeignRequest } from "./same_origin.ts";
import { siteOf, type WebSites } from "./sites.ts";
import { SITE_PATHS } from "./sites_api.ts";
import { Shares } from "./shares.ts";
import type { WebClient } from "./user_connections.ts";
import type { WebSession } from "./web_session.ts";
import { CLOSE, WebTerminal } from "./web_terminal.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

export interface TerminalsOptions {
  sites: WebSites;
  dialer: NodeDialer;
  clock: Clock;
  onFault(error: unknown): void;
}

/** Open sockets of one session (a window full of tabs), of one network, and of all. */
const MOST = { ofSession: 50, ofNetwork: 500, ofAll: 2000 };

export class Terminals {
  readonly #options: TerminalsOptions;
  readonly #open: Shares;
  /** Logging in to a node is work for three hosts. */
  readonly #rate: RateLimit;

  constructor(options: TerminalsOptions) {
    this.#options = options;
    this.#open = new Shares(MOST.ofAll);
    this.#rate = new RateLimit({ clock: options.clock, burst: 40, perSecond: 2 });
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  routes({ signedIn }: WebUsers): WebApp {
    const api = new Hono<WebEnv>();
    for (const site of SITE_PATHS) {
      signedIn.on(api, "GET", `${site}/connect`, (c, session) => {
        const other = siteOf(c, this.#options.sites);
        return this.#take(c, session, other);
      }, "first message");
    }
    return api;
  }

  async #take(c: WebContext, session: WebSession, site: string | undefined): Promise<Response> {
    // Programs send no origin, and no program of ours comes here: whoever sends none is let go no further than others.
    if (c.req.header("origin") === undefined) {
      throw new ForeignRequest("a WebSocket takes the origin of our own pages");
    }
    const { upgrade } = c.env;
    if (!upgrade) {
      return c.json({ message: "this address takes a WebSocket" }, 426, { Upgrade: "websocket" });
    }
    const client = clientOf(c);
    const free = this.#open.take([
      [`session ${session.id}`, MOST.ofSession],
      [`network ${networkOf(client.address)}`, MOST.ofNetwork],
    ]);
    if (!free) throw new AppError("limit", "too many terminals are open; close some");
    const socket = await upgrade();
    if (!socket) {
      free();
      return c.body(null, 400);
    }
    this.#serve(socket, session, { client, site }, free);
    return c.body(null);
  }

  #serve(
    socket: NonNullable<Awaited<ReturnType<NonNullable<WebEnv["Bindings"]["upgrade"]>>>>,
    session: WebSession,
    { client, site }: { client: WebClient; site: string | undefined },
    free: () => void,
  ): void {
    const { clock, dialer, onFault } = this.#options;
    const terminal = new WebTerminal({
      socket,
      clock,
      onFault,
      site: dialer.recorderOf(site),
      connect: async ({ token, server_id: node, login }) => {
        if (session.isOver || !isBearer(session.facts.keys, token, clock.now())) throw new NotSignedIn();
        if (this.#rate.take(session.user) > 0) {
          throw new AppError("limit", "you open terminals too quickly; wait a moment");
        }
        return await dialer.connect(session, client, { node, login, site });
      },
      onClosed: () => {
        release();
        free();
      },
    });
    const release = session.hold((reason) => terminal.end(`you are signed out: ${reason}`, CLOSE.signedOut));
  }
}
