/**
 * An SSH server as three maps: channel types, session requests, subsystems. What no map names is refused. Clients
 * authenticate with certificates (or, where a server allows it, by a dialog); nothing is served before that.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers";
import { AppError, messageOf } from "../base/errors.ts";
import { authenticateOn, type Authenticator } from "./server_authentication.ts";
import {
  type ConnectionLimits,
  type Endpoint,
  type Routes,
  serveConnection,
  type ServerConnection,
} from "./server_connection.ts";
import { serverAlgorithms } from "./ssh2/algorithms.ts";
import { type Gate, installGate } from "./ssh2/gate.ts";
import { type HostCredential, presentHostCertificates, serverHostKeys } from "./ssh2/host_certificate.ts";
import type { Ssh2Connection, Ssh2Server } from "./ssh2/internals.ts";
import { Server } from "./ssh2/library.ts";
import { cipherReady } from "./ssh2/portable_cipher.ts";
import { guardKeyExchange } from "./ssh2/strict_kex.ts";
import { installTransport, type RekeyPolicy } from "./ssh2/transport.ts";

export type { Endpoint, Routes, ServerConnection } from "./server_connection.ts";
export type { HostCredential } from "./ssh2/host_certificate.ts";

export interface ServerLimits extends ConnectionLimits {
  /** Milliseconds from the TCP connection to the end of authentication. */
  loginGraceMs: number;
  maxAuthTries: number;
  maxUnauthenticated: number;
  maxUnauthenticatedPerAddress: number;
  maxConnections: number;
}

export const DEFAULT_LIMITS: Readonly<ServerLimits> = {
  loginGraceMs: 30_000,
  maxAuthTries: 6,
  maxUnauthenticated: 500,
  maxUnauthenticatedPerAddress: 200,
  maxConnections: 15_000,
  maxSessionsPerConnection: 64,
  maxChannelsPerConnection: 512,
  keepAliveMs: 60_000,
};

export interface ServerOptions<I> {
  hostCredential: HostCredential;
  authenticator: Authenticator<I>;
  routes: Routes<I>;
  limits?: Partial<ServerLimits>;
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

/** Serves SSH on sockets that somebody else accepted. */
export class SshServer<I> {
  readonly #options: ServerOptions<I>;
  readonly #limits: ServerLimits;
  readonly #unauthenticated = new Map<Duplex, { remote: Endpoint; cancelGrace(): void }>();
  readonly #perAddress = new Map<string, number>();
  readonly #connections = new Set<ServerConnection<I>>();
  #library: Ssh2Server;

  constructor(options: ServerOptions<I>) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#library = this.#makeLibrary(options.hostCredential);
  }

  /** Presents another certificate to clients that connect from now on. */
  setHostCredential(credential: HostCredential): void {
    this.#library = this.#makeLibrary(credential);
  }

  get connections(): ReadonlySet<ServerConnection<I>> {
    return this.#connections;
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
   * @param remote where the client really is, when somebody trusted relays for it
   */
  accept(socket: ServerSocket, remote: Endpoint = remoteOf(socket)): void {
    const { address } = remote;
    const sameAddress = this.#perAddress.get(address) ?? 0;
    if (
      this.#unauthenticated.size >= this.#limits.maxUnauthenticated ||
      sameAddress >= this.#limits.maxUnauthenticatedPerAddress ||
      this.#connections.size >= this.#limits.maxConnections
    ) {
      this.#options.onRefused?.(remote, "too many connections");
      socket.on("error", () => {}); // being torn down: nothing to report to
      socket.destroy();
      return;
    }
    socket.setNoDelay?.(true);
    this.#perAddress.set(address, sameAddress + 1);
    const grace = setTimeout(() => {
      this.#options.onRefused?.(remote, "no login within the grace time");
      socket.destroy();
    }, this.#limits.loginGraceMs);
    grace.unref();
    this.#unauthenticated.set(socket, { remote, cancelGrace: () => clearTimeout(grace) });
    socket.once("close", () => this.#settled(socket));
    // A peer that sends no more is gone: SSH knows no half-closed transport. Without this a killed client would keep its
    // sessions until a keep-alive fails, where the listener allows half-open sockets.
    socket.once("end", () => {
      socket.end();
      setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
    });
    socket.on("error", (error: Error) => {
      // After the login the connection's end is noticed by its sessions.
      if (this.#unauthenticated.has(socket)) this.#options.onRefused?.(remote, messageOf(error));
    });
    cipherReady.then(() => {
      if (!socket.destroyed) this.#library.injectSocket(socket);
    });
  }

  /** The socket left the unauthenticated set: it logged in or closed. */
  #settled(socket: Duplex): void {
    const entry = this.#unauthenticated.get(socket);
    if (!entry) return;
    const { address } = entry.remote;
    entry.cancelGrace();
    this.#unauthenticated.delete(socket);
    const count = (this.#perAddress.get(address) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }

  #onHeader(library: Ssh2Connection): void {
    const socket = library._sock as ServerSocket;
    const remote = this.#unauthenticated.get(socket)?.remote ?? remoteOf(socket);
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
      this.#settled(socket);
      this.#serve(library, gate, socket, { remote, ...authenticated });
    });
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
    for (const socket of this.#unauthenticated.keys()) socket.destroy();
    const connections = [...this.#connections];
    for (const connection of connections) connection.close(graceMs);
    await Promise.all(connections.map(({ closed }) => closed));
  }
}

function remoteOf(socket: ServerSocket): Endpoint {
  return { address: socket.remoteAddress ?? "unknown", port: socket.remotePort ?? 0 };
}

/** Key exchange and logins with the largest certificates stay far below. */
const MAX_UNAUTHENTICATED_BYTES = 1024 * 1024;

/** How long a closing connection may take to send its last bytes. */
const CLOSE_GRACE_MS = 1000;
