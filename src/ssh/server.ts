/**
 * An SSH server as three maps: channel types, session requests, subsystems. What no map names is refused. Clients
 * authenticate with certificates (or, where a server allows it, by a dialog); nothing is served before that.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers";
import { networkOf } from "../base/client_address.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import { counter } from "../base/metrics.ts";
import { RateLimits, type RateRule } from "../base/rate_limit.ts";
import { Arrivals } from "./arrivals.ts";
import { ConnectedUsers } from "./connected_users.ts";
import { authenticateOn, type Authenticator } from "./server_authentication.ts";
import {
  type ConnectionLimits,
  type Endpoint,
  type Routes,
  serveConnection,
  type ServerConnection,
} from "./server_connection.ts";
import { serverAlgorithms } from "./ssh2/algorithms.ts";
import { disconnectWith, REASON } from "./ssh2/disconnect.ts";
import { type Gate, installGate } from "./ssh2/gate.ts";
import { type HostCredential, presentHostCertificates, serverHostKeys } from "./ssh2/host_certificate.ts";
import type { Ssh2Connection, Ssh2Server } from "./ssh2/internals.ts";
import { Server } from "./ssh2/library.ts";
import { cipherReady } from "./ssh2/portable_cipher.ts";
import { guardKeyExchange } from "./ssh2/strict_kex.ts";
import { installTransport, type RekeyPolicy } from "./ssh2/transport.ts";
import { WaitingRoom } from "./waiting_room.ts";

export type { Endpoint, Routes, ServerConnection } from "./server_connection.ts";
export type { HostCredential } from "./ssh2/host_certificate.ts";

export interface ServerLimits extends ConnectionLimits {
  /** Milliseconds from the TCP connection to the end of authentication. */
  loginGraceMs: number;
  maxAuthTries: number;
  /** When so many wait, one of them makes room for each newcomer. */
  maxUnauthenticated: number;
  maxUnauthenticatedPerAddress: number;
  /** Together: those that wait and those that have logged in. */
  maxConnections: number;
  /** Different users at once; see {@linkcode ServerOptions.visitorOf}. */
  maxUsers: number;
  /** How fast each client network may connect. */
  rates: readonly RateRule[];
}

/** What a connection counts for. */
export interface Visitor {
  /** One of the users that `maxUsers` counts. */
  user?: string;
  /** Of a member of the cluster, whose number others bound: neither limit counts it. */
  isMember?: boolean;
}

export const DEFAULT_LIMITS: Readonly<ServerLimits> = {
  loginGraceMs: 30_000,
  maxAuthTries: 6,
  maxUnauthenticated: 500,
  maxUnauthenticatedPerAddress: 200,
  maxConnections: 15_000,
  maxUsers: 15_000,
  rates: [],
  maxSessionsPerConnection: 64,
  maxChannelsPerConnection: 512,
  keepAliveMs: 60_000,
};

export interface ServerOptions<I> {
  hostCredential: HostCredential;
  authenticator: Authenticator<I>;
  routes: Routes<I>;
  limits?: Partial<ServerLimits>;
  /** What a connection counts for, once it is known whose it is. */
  visitorOf?(identity: I): Visitor;
  /** Members may come when the server is full: who is none is known at the login, and refused then. */
  hasMembers?: boolean;
  clock?: Clock;
  /** When the keys are changed. */
  rekey?: Partial<RekeyPolicy>;
  /** Told about every refused or broken connection; the text is safe to log. */
  onRefused?(remote: Endpoint, reason: string): void;
  onConnection?(connection: ServerConnection<I>): void;
}

/** A connected socket as node:net makes them. */
export interface ServerSocket extends Duplex {
  remoteAddress?: string;
  remotePort?: number;
  localAddress?: string;
  localPort?: number;
  setNoDelay?(on: boolean): unknown;
}

const LOGINS = [
  "teleport_ssh_logins_total",
  "SSH connections to this server, by how their login ended",
] as const;
const logins = counter(...LOGINS, { result: "ok" });
const refusedLogins = counter(...LOGINS, { result: "refused" });

type FindEndpoint = () => Promise<Endpoint | undefined>;

/** Serves SSH on sockets that somebody else accepted. */
export class SshServer<I> {
  readonly #options: ServerOptions<I>;
  readonly #limits: ServerLimits;
  readonly #arrivals: Arrivals;
  readonly #waiting: WaitingRoom;
  readonly #users: ConnectedUsers;
  readonly #rates: RateLimits;
  /** How many have logged in who are no members. */
  #visitors = 0;
  #displaced = 0;
  #closed = false;
  readonly #connections = new Set<ServerConnection<I>>();
  #library: Ssh2Server;

  constructor(options: ServerOptions<I>) {
    this.#options = {
      ...options,
      onRefused: (remote, reason) => {
        refusedLogins.add();
        options.onRefused?.(remote, reason);
      },
    };
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { maxUnauthenticated, maxUnauthenticatedPerAddress } = this.#limits;
    this.#waiting = new WaitingRoom({
      maxUnauthenticated: Math.min(maxUnauthenticated, this.#limits.maxConnections),
      maxUnauthenticatedPerAddress,
    });
    const delayFor = (address: string) => this.#waiting.delayFor(address);
    this.#arrivals = new Arrivals(maxUnauthenticated, maxUnauthenticatedPerAddress, delayFor);
    this.#users = new ConnectedUsers(this.#limits.maxUsers);
    this.#rates = new RateLimits(this.#limits.rates, options.clock ?? systemClock);
    this.#library = this.#makeLibrary(options.hostCredential);
  }

  /** Presents another certificate to clients that connect from now on. */
  setHostCredential(credential: HostCredential): void {
    this.#library = this.#makeLibrary(credential);
  }

  get connections(): ReadonlySet<ServerConnection<I>> {
    return this.#connections;
  }

  /** How many have not logged in. */
  get waiting(): number {
    return this.#waiting.size;
  }

  #makeLibrary(credential: HostCredential): Ssh2Server {
    return new Server({
      hostKeys: serverHostKeys(credential),
      ident: "Teleport",
      algorithms: serverAlgorithms(),
    }, (connection) => this.#onHeader(connection));
  }

  /**
   * Takes over a connected socket.
   * @param relayed where the client really is, when somebody trusted relays for it; or finds that out, before SSH begins
   * on the socket, and ends the connection if it throws
   */
  accept(socket: ServerSocket, relayed?: Endpoint | FindEndpoint): void {
    const peer = { address: socket.remoteAddress ?? "unknown", port: socket.remotePort ?? 0 };
    const [known, find] = typeof relayed === "function" ? [peer, relayed] : [relayed ?? peer, undefined];
    socket.on("error", (error: Error) => {
      // After the login the connection's end is noticed by its sessions.
      const remote = this.#waiting.remoteOf(socket);
      if (remote) this.#options.onRefused?.(remote, messageOf(error));
    });
    this.#arrivals.add(networkOf(known.address), {
      enter: () => this.#enter(socket, known, find),
      drop: () => this.#displace({ socket, remote: known }),
    });
  }

  #enter(socket: ServerSocket, remote: Endpoint, find?: FindEndpoint): void {
    if (socket.destroyed) return;
    if (this.#closed || !this.#hasRoom()) {
      this.#options.onRefused?.(remote, this.#closed ? "the server is stopping" : "too many connections");
      socket.destroy();
      return;
    }
    socket.setNoDelay?.(true);
    socket.pause(); // the library listens a little later, and resumes it then
    this.#displace(this.#waiting.enter(socket, remote));
    const grace = setTimeout(() => {
      const remote = this.#waiting.remoteOf(socket);
      if (!remote) return; // it has logged in
      this.#options.onRefused?.(remote, "no login within the grace time");
      socket.destroy();
    }, this.#limits.loginGraceMs);
    grace.unref();
    socket.once("close", () => {
      clearTimeout(grace);
      this.#leaveWaiting(socket);
    });
    // We have said our last word, perhaps because the client has: one that stays nevertheless is cut.
    socket.once("finish", () => setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref());
    // A peer that sends no more is gone: SSH knows no half-closed transport. Without this a killed client would keep its
    // sessions until a keep-alive fails, where the listener allows half-open sockets.
    socket.once("end", () => {
      socket.end();
      setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref(); // also when its last bytes cannot leave
    });
    this.#start(socket, find).catch((error) => {
      const known = this.#waiting.remoteOf(socket);
      if (known) this.#options.onRefused?.(known, messageOf(error));
      socket.destroy();
    });
  }

  /** Whether one more may come; if need be one of those who have not logged in makes room. */
  #hasRoom(): boolean {
    if (this.#options.hasMembers || this.#visitors + this.#waiting.size < this.#limits.maxConnections) {
      return true;
    }
    const goes = this.#waiting.evict();
    this.#displace(goes);
    return goes !== undefined;
  }

  async #start(socket: ServerSocket, find?: FindEndpoint): Promise<void> {
    await cipherReady;
    const found = await find?.();
    if (found) this.#displace(this.#waiting.move(socket, found));
    const remote = this.#waiting.remoteOf(socket);
    if (remote && this.#rates.take(networkOf(remote.address)) > 0) {
      throw new AppError("limit", "too many connections from this network in a short time");
    }
    if (!socket.destroyed) this.#library.injectSocket(socket);
  }

  /** @returns false when it was not waiting any more */
  #leaveWaiting(socket: ServerSocket): boolean {
    const was = this.#waiting.leave(socket);
    if (was) this.#arrivals.hurry();
    return was;
  }

  /** Ends a connection that has to make room for another. */
  #displace(guest: { socket: Duplex; remote: Endpoint } | undefined): void {
    if (!guest) return;
    this.#displaced++;
    const why = `it made room for another connection, as ${this.#displaced} have so far`;
    this.#options.onRefused?.(guest.remote, why);
    guest.socket.destroy();
  }

  #onHeader(library: Ssh2Connection): void {
    const socket = library._sock as ServerSocket;
    const remote = this.#waiting.remoteOf(socket);
    if (!remote) return void socket.destroy(); // it had to make room in the meantime
    this.#waiting.advance(socket, "greeted");
    library.once("handshake", () => this.#waiting.advance(socket, "keyed"));
    const refuse = (reason: string) => {
      this.#options.onRefused?.(remote, reason);
      library.end();
      socket.destroy();
    };
    let authenticated: { username: string; identity: I } | undefined;
    library.on("error", (error: Error) => {
      if (!authenticated) this.#options.onRefused?.(remote, messageOf(error));
    });
    presentHostCertificates(library);
    guardKeyExchange(library, (reason) => this.#options.onRefused?.(remote, reason));
    installTransport(library, refuse, this.#options.rekey);
    const gate = installGate(library, "server", () => library.authenticated === true, refuse);
    authenticateOn(library, this.#options.authenticator, {
      remote,
      maxTries: this.#limits.maxAuthTries,
      onAccepted: (username, identity) => authenticated = { username, identity },
      onExhausted: () => refuse("too many authentication failures"),
    });
    let received = 0;
    const count = (data: Buffer) => {
      received += data.length; // the gate does not see what a peer sends around the key exchange
      if (received > MAX_UNAUTHENTICATED_BYTES) refuse("too much data before authentication");
    };
    socket.on("data", count);
    library.on("ready", () => {
      socket.off("data", count);
      if (socket.destroyed) return; // its "close" may be over: nobody would ever forget the connection
      if (!authenticated) return refuse("authenticated without an identity");
      if (!this.#leaveWaiting(socket)) return refuse("it logged in when it had to go");
      const full = this.#admit(socket, this.#options.visitorOf?.(authenticated.identity) ?? {});
      if (full !== undefined) {
        this.#options.onRefused?.(remote, full);
        return disconnectWith(library, REASON.tooManyConnections, full);
      }
      this.#serve(library, gate, socket, { remote, ...authenticated });
    });
  }

  /** Counts a connection that has just logged in until it closes. @returns why there is no room for it */
  #admit(socket: ServerSocket, { user, isMember }: Visitor): string | undefined {
    if (isMember) return undefined;
    if (this.#visitors >= this.#limits.maxConnections) return "too many connections";
    if (user !== undefined && !this.#users.enter(user)) {
      return `too many users: ${this.#users.size} others are connected, which is the limit here`;
    }
    this.#visitors++;
    socket.once("close", () => {
      this.#visitors--;
      if (user !== undefined) this.#users.leave(user);
    });
    return undefined;
  }

  #serve(
    library: Ssh2Connection,
    gate: Gate,
    socket: ServerSocket,
    login: Pick<ServerConnection<I>, "remote" | "username" | "identity">,
  ): void {
    const sessionId = library._protocol._kex?.sessionID;
    if (!sessionId) throw new AppError("internal", "an SSH connection is ready without a session id");
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const facts = {
      ...login,
      local: { address: socket.localAddress ?? "", port: socket.localPort ?? 0 },
      sessionId,
      closed,
      close: (graceMs = CLOSE_GRACE_MS) => {
        library.end();
        setTimeout(() => socket.destroy(), graceMs).unref();
      },
    };
    const connection = serveConnection(library, gate, facts, this.#options.routes, this.#limits);
    logins.add();
    this.#connections.add(connection);
    closed.then(() => this.#connections.delete(connection));
    this.#options.onConnection?.(connection);
  }

  /**
   * Ends every connection.
   * @param graceMs how long each may take to send its last bytes
   * @returns settles when all are closed and their sessions know it
   */
  async close(graceMs: number = CLOSE_GRACE_MS): Promise<void> {
    this.#closed = true;
    for (const socket of [...this.#waiting.sockets]) socket.destroy();
    const connections = [...this.#connections];
    for (const connection of connections) connection.close(graceMs);
    await Promise.all(connections.map(({ closed }) => closed));
  }
}

/** Key exchange and logins with the largest certificates stay far below. */
const MAX_UNAUTHENTICATED_BYTES = 1024 * 1024;

/** How long a closing connection may take to send its last bytes. */
const CLOSE_GRACE_MS = 1000;
