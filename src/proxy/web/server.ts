/**
 * Serves the web application over HTTPS, with a bound on everything a client may take: time, header bytes, connections.
 * @module
 */
import { createServer as createHttp, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttps, Server as HttpsServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { type Clock, systemClock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { WebApp, WebEnv } from "./context.ts";
import type { FindClient } from "../../api/balancers.ts";
import { BalancedFront, type OnSsh, otherEnd } from "./balanced_front.ts";
import { answerBrokenRequests } from "./broken_request.ts";
import { securityHeaders } from "./security_headers.ts";
import { boundUnread } from "./unread_limit.ts";
import { type TlsMaterial, tlsSettings } from "./tls_material.ts";
import { serveUpgrades } from "./upgrade.ts";

/** Where and how to serve. */
export interface ServeOptions {
  app: WebApp;
  /** A socket that listens already. It comes before `host` and `port`. */
  fd?: number;
  /** Address to listen on; 127.0.0.1 when left out. */
  host?: string;
  /** Port to listen on; 0 or left out, any free one. */
  port?: number;
  /** Left out, the server speaks plain HTTP: for a balancer in front that ends TLS. */
  tls?: TlsMaterial;
  /** Connections beyond this many are closed at once; 4,096 when left out. */
  maxConnections?: number;
  /** Finds out where a client is whose connection came through a balancer; undefined: where its other end is. */
  findClient?: FindClient | undefined;
  /** Takes over connections that speak SSH, where the port is shared. */
  onSsh?: OnSsh | undefined;
  /** Told about failures no request can be answered for. */
  onError: (error: unknown) => void;
  clock?: Clock;
}

/** A server that runs. */
export interface WebServer {
  port: number;
  /** How many are open. */
  readonly connections: number;
  /** Stops accepting, lets requests under way finish for up to ten seconds, then cuts the rest. */
  close(): Promise<void>;
  /**
   * Takes a new certificate for connections made from now on.
   * @throws {AppError} bad_input when the pair cannot be used; the old one stays. unsupported without TLS.
   */
  reload(tls: TlsMaterial): void;
}

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10 * SECOND,
  /** The server's own bound would also end uploads, which may take hours: see `boundRequests`. */
  requestTimeout: 0,
  keepAliveTimeout: 15 * SECOND,
  /** How often the timeouts above are looked at. */
  connectionsCheckingInterval: 2 * SECOND,
};
/** How long a request may take to arrive. */
const REQUEST_TIMEOUT = 30 * SECOND;
/** Those of files may take longer, as long as something comes; their handler sees to that. */
const UPLOAD = /\/files(?:\?|$)/;
const HANDSHAKE_TIMEOUT = 5 * SECOND;
const DRAIN = 10 * SECOND;
const MAX_CONNECTIONS = 4096;

/**
 * Starts serving.
 * @throws {AppError} bad_input when the TLS pair cannot be used; unavailable when the address cannot be listened on.
 */
export async function serveHttps(options: ServeOptions): Promise<WebServer> {
  const { app, tls, onError, clock = systemClock } = options;
  const server = tls === undefined
    ? createHttp(LIMITS)
    : createHttps({ ...LIMITS, ...tlsSettings(tls), handshakeTimeout: HANDSHAKE_TIMEOUT });
  if (server instanceof HttpsServer) boundUnread(server, clock);
  const maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  server.maxConnections = maxConnections;
  const open = openSockets(server);
  const front = options.findClient || options.onSsh
    ? new BalancedFront(options, maxConnections, (socket) => server.emit("connection", socket))
    : undefined;
  const clientOf = (socket: Socket) => ({
    clientAddress: front?.clientOf(socket) ?? socket.remoteAddress ?? "",
    clientPort: socket.remotePort,
  });
  boundRequests(server, clock);
  server.on("request", listener(app, tls !== undefined, clientOf));
  const taken = new TakenConnections();
  serveUpgrades(server, {
    app,
    tls: tls !== undefined,
    clock,
    clientOf,
    onError,
    onTaken: (socket) => taken.add(socket),
  });
  answerBrokenRequests(server, clock);

  const listens = front?.server ?? server;
  await listening(listens, options);
  listens.on("error", onError);
  const address = listens.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    get connections() {
      return front?.connections ?? open.size;
    },
    close: () => drain(server, listens, front?.sockets ?? open, taken, clock),
    reload(next) {
      if (!(server instanceof HttpsServer)) {
        throw new AppError(
          "unsupported",
          "this web server has no certificate to replace: it speaks plain HTTP",
        );
      }
      server.setSecureContext(tlsSettings(next));
    },
  };
}

/** Ends connections whose request does not arrive in time. */
function boundRequests(server: Server, clock: Clock): void {
  server.on("request", (incoming: IncomingMessage) => {
    if (incoming.method === "PUT" && UPLOAD.test(incoming.url ?? "")) return;
    const late = clock.after(REQUEST_TIMEOUT, () => {
      if (!incoming.complete) incoming.socket.destroy();
    });
    incoming.once("end", () => late.cancel());
    incoming.once("close", () => late.cancel());
  });
}

/** Calls the app with the client's address beside each request. */
function listener(
  app: WebApp,
  tls: boolean,
  clientOf: (socket: Socket) => Pick<WebEnv["Bindings"], "clientAddress" | "clientPort">,
) {
  return getRequestListener(
    (request, env) => {
      const incoming = env.incoming as IncomingMessage;
      return app.fetch(request, { ...clientOf(incoming.socket), body: incoming });
    },
    {
      overrideGlobalObjects: false,
      // Requests that never reach the app, such as one with a forged Host header.
      errorHandler: () => new Response(null, { status: 400, headers: securityHeaders(tls) }),
    },
  );
}

function listening(server: NetServer, { fd, host = "127.0.0.1", port = 0 }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const where = fd === undefined ? `${host}:${port}` : "the socket handed over";
      reject(new AppError("unavailable", `cannot serve the web on ${where}: ${error.message}`));
    };
    server.once("error", failed);
    server.listen(fd === undefined ? { host, port } : { fd }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

/** Connections that were taken over, by their other end: what TLS makes of a socket is another object. */
class TakenConnections {
  readonly #ends = new Set<string>();

  add(socket: Socket): void {
    const end = otherEnd(socket);
    this.#ends.add(end);
    socket.once("close", () => this.#ends.delete(end));
  }

  has(socket: Socket): boolean {
    return this.#ends.has(otherEnd(socket));
  }
}

/** Every TCP connection of the server, those in the middle of a TLS handshake too, which HTTP knows nothing of. */
function openSockets(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return open;
}

/**
 * What was taken over for another protocol is left to whoever took it.
 * @param listens what accepts the connections that `server` serves
 */
async function drain(
  server: Server,
  listens: NetServer,
  open: ReadonlySet<Socket>,
  taken: TakenConnections,
  clock: Clock,
): Promise<void> {
  const closed = new Promise<void>((resolve) => listens.close(() => resolve()));
  server.closeIdleConnections();
  const cut = clock.after(DRAIN, () => {
    server.closeAllConnections();
    for (const socket of open) if (!taken.has(socket)) socket.destroy();
  });
  await closed;
  cut.cancel();
}
