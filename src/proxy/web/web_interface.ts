/**
 * What the web front does for signed-in users, put together.
 * @module
 */
import { Hono } from "hono";
import type { Caller } from "../../api/client.ts";
import type { ClusterAccess } from "../../api/cluster_access.ts";
import { loginToAuth } from "../../api/connection.ts";
import type { Collection } from "../../api/contract.ts";
import type { Trust } from "../../api/identity.ts";
import type { LiveAccess } from "../../api/live_access.ts";
import type { Clock } from "../../base/clock.ts";
import type { EventFields } from "../../model/event.ts";
import type { Passage } from "../passage.ts";
import type { Router } from "../route.ts";
import { accountApi } from "./account_api.ts";
import { callApi } from "./call_api.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { eventsApi } from "./events_api.ts";
import { filesApi } from "./files_api.ts";
import { NodeDialer } from "./node_dialer.ts";
import { OpenStreams } from "./open_streams.ts";
import { recordingsApi } from "./recordings_api.ts";
import { sessionsApi } from "./sessions_api.ts";
import { SignedIn } from "./signed_in.ts";
import type { WebSites } from "./sites.ts";
import { sitesApi } from "./sites_api.ts";
import { ssoApi } from "./sso_api.ts";
import { Terminals } from "./terminal_api.ts";
import { ticketsApi } from "./tickets_api.ts";
import { UserConnections } from "./user_connections.ts";
import { WebSessions } from "./web_sessions.ts";
import type { WebUsers } from "./web_users.ts";
import type { PingReply, WebLimits } from "./webapi.ts";

export interface WebInterfaceOptions {
  /** The proxy's own connection to auth. */
  api: Caller;
  trust(): Trust;
  access: ClusterAccess;
  live: LiveAccess;
  router: Router;
  passage: Passage;
  sites: WebSites;
  ping(): PingReply;
  clock: Clock;
  warn(text: string): void;
  /** Reports an audit event. */
  emit(event: EventFields): void;
  /** An unexpected failure, for the log. */
  onFault(error: unknown): void;
}

export class WebInterface {
  readonly #options: WebInterfaceOptions;
  readonly #users: WebUsers;
  readonly #terminals: Terminals;
  readonly #dialer: NodeDialer;

  constructor(options: WebInterfaceOptions) {
    this.#options = options;
    const { trust, router, clock } = options;
    const sessions = new WebSessions(options);
    const connections = new UserConnections({
      clock,
      async connect({ user: username, facts: { credential } }, client, site) {
        const trusted = site === undefined ? trust() : sites.trustOf(site) ?? trust();
        const stream = await router.connect(
          { kind: "auth", cluster: site ?? trust().cluster },
          client,
          () => false,
        );
        return await loginToAuth(stream, { username, credential, trust: trusted }, clock);
      },
    });
    const { sites } = options;
    const dialer = new NodeDialer(options);
    this.#terminals = new Terminals({ sites, dialer, clock, onFault: options.onFault });
    this.#dialer = dialer;
    this.#users = {
      sessions,
      connections,
      streams: new OpenStreams(),
      signedIn: new SignedIn(sessions, clock),
    };
  }

  /** How many web sessions this proxy knows. */
  get sessions(): number {
    return this.#users.sessions.size;
  }

  /** How many terminals are open in browsers. */
  get terminals(): number {
    return this.#terminals.size;
  }

  /** To be mounted where the API is. */
  routes(limits: Pick<WebLimits, "login">): WebApp {
    const { ping, clock, access, trust, sites } = this.#options;
    const routes = new Hono<WebEnv>();
    routes.route("/", sessionsApi(this.#users, { ping, clock, loginRate: limits.login }));
    routes.route("/", ssoApi(this.#users, { api: this.#options.api, loginRate: limits.login }));
    routes.route("/", callApi(this.#users, { sites }));
    routes.route("/", sitesApi(this.#users, { sites, access }));
    routes.route("/", recordingsApi(this.#users, { sites, trust }));
    routes.route("/", eventsApi(this.#users, { sites, clock }));
    routes.route("/", ticketsApi(this.#users, { clock }));
    routes.route("/", filesApi(this.#users, { sites, dialer: this.#dialer, clock }));
    routes.route("/", accountApi(this.#users, { clock }));
    routes.route("/", this.#terminals.routes(this.#users));
    return routes;
  }

  /** Sessions end with much that can change; a new connection to auth may have missed it. */
  async onChanged(collection: Collection): Promise<void> {
    if (collection === "web_sessions" || collection === "users" || collection === "roles") {
      await this.#users.sessions.check();
    }
  }

  stop(): void {
    this.#users.sessions.stop();
    this.#users.connections.stop();
  }
}
