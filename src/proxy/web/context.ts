/**
 * The request context every handler of the web front shares.
 * @module
 */
import type { Readable } from "node:stream";
import type { Context, Hono, MiddlewareHandler } from "hono";
import { canonicalAddress } from "../../base/client_address.ts";
import type { BrowserSocket } from "./browser_socket.ts";
import type { WebSession } from "./web_session.ts";

/** What the HTTP server hands to the app with each request, and what handlers find in `c.get`. */
export interface WebEnv {
  Bindings: {
    /** The peer's address as the socket knows it. */
    clientAddress?: string;
    clientPort?: number;
    /**
     * The request's body as it comes from the network, no faster than it is read: the body of the Request is made with
     * room for more than a gigabyte. Who takes it must not touch the other.
     */
    body?: Readable;
    /** Takes the connection over for a WebSocket, where one was asked for. */
    upgrade?: () => Promise<BrowserSocket | undefined>;
  };
  Variables: {
    /** The peer's IP address in canonical form; empty when unknown. */
    clientAddress: string;
    /** Whose request it is, on routes that take a web session. */
    session?: WebSession;
  };
}

/** The web application: a Hono app over `WebEnv`. */
export type WebApp = Hono<WebEnv>;

/** A request context of the web application. */
export type WebContext = Context<WebEnv>;

/** Puts the peer's address where handlers read it. */
export function clientAddress(): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    c.set("clientAddress", canonicalAddress(c.env?.clientAddress ?? ""));
    await next();
  };
}
