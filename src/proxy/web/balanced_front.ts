/**
 * Accepts the web front's connections where something comes before TLS, or in its place: a balancer's header, which tells
 * where the client is, or SSH, where tunnels share the port.
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import { isAppError } from "../../base/errors.ts";
import type { FindClient } from "../../api/balancers.ts";
import type { ToldClient } from "../../base/proxy_header.ts";
import { speaksSsh } from "./spoken_first.ts";

/** Takes over a connection that speaks SSH. @param client where a balancer says that it comes from */
export type OnSsh = (socket: Socket, client: ToldClient | undefined) => void;

/** How long a connection's first bytes may take, in milliseconds. */
const FIRST_BYTES_MS = 3000;

export class BalancedFront {
  readonly server: Server;
  readonly #findClient: FindClient | undefined;
  readonly #onSsh: OnSsh | undefined;
  readonly #sockets = new Set<Socket>();
  /** By the other end of the connection: what TLS makes of a socket is another object, with the same ends. */
  readonly #clients = new Map<string, string>();

  /** @param serve takes over a connection whose header is off */
  constructor(
    { findClient, onSsh }: { findClient?: FindClient | undefined; onSsh?: OnSsh | undefined },
    maxConnections: number,
    serve: (socket: Socket) => void,
  ) {
    this.#findClient = findClient;
    this.#onSsh = onSsh;
    this.server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on("error", () => socket.destroy()); // whoever serves it learns of its end
      if (this.#sockets.size >= maxConnections) return void socket.destroy();
      this.#sockets.add(socket);
      const end = otherEnd(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#clients.delete(end);
      });
      this.#take(socket, end, serve).catch((error: unknown) => {
        socket.destroy();
        if (!isAppError(error)) throw error;
      });
    });
  }

  get sockets(): ReadonlySet<Socket> {
    return this.#sockets;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async #take(socket: Socket, end: string, serve: (socket: Socket) => void): Promise<void> {
    const client = await this.#findClient?.(socket);
    if (this.#onSsh && await speaksSsh(socket, FIRST_BYTES_MS)) {
      this.#sockets.delete(socket); // it is no more one of the web's
      return this.#onSsh(socket, client);
    }
    if (socket.destroyed) return;
    if (client) this.#clients.set(end, client.address);
    serve(socket);
  }

  /** The address a balancer told of the client at the other end of `socket`. */
  clientOf(socket: { remoteAddress?: string; remotePort?: number }): string | undefined {
    return this.#clients.get(otherEnd(socket));
  }
}

/** What tells a connection apart, whatever objects stand for it. */
export function otherEnd(
  { remoteAddress, remotePort }: { remoteAddress?: string; remotePort?: number },
): string {
  return `${remoteAddress} ${remotePort}`;
}
