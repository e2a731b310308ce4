/**
 * What the routes for signed-in users share.
 * @module
 */
import type { WebContext } from "./context.ts";
import type { OpenStreams } from "./open_streams.ts";
import type { SignedIn } from "./signed_in.ts";
import type { UserConnections, WebClient } from "./user_connections.ts";
import type { WebSessions } from "./web_sessions.ts";

export interface WebUsers {
  sessions: WebSessions;
  signedIn: SignedIn;
  connections: UserConnections;
  streams: OpenStreams;
}

/** Where a request comes from. */
export function clientOf(c: WebContext): WebClient {
  return { address: c.get("clientAddress"), port: c.env?.clientPort ?? 0 };
}
