/**
 * Listening for a client (RFC 4254 section 7.1, OpenSSH PROTOCOL 2.4): a forward that it asked for lives until it cancels
 * it or leaves, and each connection that comes in becomes a channel to the client.
 * @module
 */
import type { Duplex } from "node:stream";
import { AppError } from "../base/errors.ts";
import type { JoinedChannels } from "./joined_channels.ts";
import type { ChannelLayer } from "./ssh2/channel_layer.ts";
import { type WireReader, WireWriter } from "./wire.ts";

const MAX_FORWARDS = 64;

/** Where a client wants connections from. */
export interface BindRequest {
  /** As the client wrote it: a name, an address, `*` or nothing. */
  address: string;
  /** 0 for any that is free. */
  port: number;
}

/** A socket that listens. */
export interface BoundSocket {
  /** The port; for a socket of the file system absent. */
  port?: number;
  close(): void;
}

/** Takes a connection that came in. */
export type OnIncoming = (stream: Duplex, origin: { address: string; port: number }) => void;

/** What a server listens on for its clients. A missing entry means: refused. */
export interface ListenRoutes {
  tcp?(bind: BindRequest, onIncoming: OnIncoming): Promise<BoundSocket>;
  /** @param path of a socket to be made */
  streamlocal?(path: string, onIncoming: OnIncoming): Promise<BoundSocket>;
}

const NOTHING = new Uint8Array();

/** The forwards of one connection. */
export class ServerForwards {
  readonly #layer: ChannelLayer;
  readonly #channels: JoinedChannels;
  readonly #routes: ListenRoutes;
  readonly #bound = new Map<string, BoundSocket>();

  /** @param closed settles when the connection is gone */
  constructor(layer: ChannelLayer, channels: JoinedChannels, routes: ListenRoutes, closed: Promise<void>) {
    this.#layer = layer;
    this.#channels = channels;
    this.#routes = routes;
    closed.then(() => {
      for (const socket of this.#bound.values()) socket.close();
      this.#bound.clear();
    });
  }

  /** Serves a global request; undefined when it is none of these. @returns the data of the answer */
  serve(name: string, fields: WireReader): Uint8Array | Promise<Uint8Array> | undefined {
    switch (name) {
      case "tcpip-forward":
        return this.#listen(readBind(fields));
      case "cancel-tcpip-forward": {
        const { address, port } = readBind(fields);
        return this.#cancel(tcpKey(address, port), `${address}:${port}`);
      }
      case "streamlocal-forward@openssh.com":
        return this.#listenAt(fields.text());
      case "cancel-streamlocal-forward@openssh.com": {
        const path = fields.text();
        return this.#cancel(pathKey(path), path);
      }
      default:
        return undefined;
    }
  }

  async #listen({ address, port }: BindRequest): Promise<Uint8Array> {
    const { tcp } = this.#routes;
    if (!tcp) throw new AppError("access_denied", "this server does not listen for clients");
    let at = port;
    const bound = await this.#bind(
      port === 0 ? undefined : tcpKey(address, port),
      () =>
        tcp({ address, port }, (stream, origin) =>
          this.#channels.offer(
            stream,
            "forwarded-tcpip",
            new WireWriter().string(address).uint32(at).string(origin.address).uint32(origin.port),
          )),
    );
    at = bound.port ?? port;
    this.#bound.set(tcpKey(address, at), bound);
    return port === 0 ? new WireWriter().uint32(at).bytes() : NOTHING;
  }

  async #listenAt(path: string): Promise<Uint8Array> {
    const { streamlocal } = this.#routes;
    if (!streamlocal) throw new AppError("access_denied", "this server does not listen for clients");
    const bound = await this.#bind(pathKey(path), () =>
      streamlocal(path, (stream) =>
        this.#channels.offer(
          stream,
          "forwarded-streamlocal@openssh.com",
          new WireWriter().string(path).string(""),
        )));
    this.#bound.set(pathKey(path), bound);
    return NOTHING;
  }

  async #bind(key: string | undefined, listen: () => Promise<BoundSocket>): Promise<BoundSocket> {
    if (this.#bound.size >= MAX_FORWARDS) {
      throw new AppError("limit", `too many forwards on this connection: ${MAX_FORWARDS} are allowed`);
    }
    if (key !== undefined && this.#bound.has(key)) {
      throw new AppError("already_exists", "this connection has that forward already");
    }
    const bound = await listen();
    if (this.#layer.alive) return bound;
    bound.close();
    throw new AppError("closed", "the client left");
  }

  #cancel(key: string, name: string): Uint8Array {
    const bound = this.#bound.get(key);
    if (!bound) throw new AppError("not_found", `there is no forward of ${name}`);
    this.#bound.delete(key);
    bound.close();
    return NOTHING;
  }
}

function readBind(fields: WireReader): BindRequest {
  const address = fields.string().toString();
  const port = fields.uint32();
  if (port > 0xffff) throw new AppError("unsupported", `${port} is no port`);
  return { address, port };
}

const tcpKey = (address: string, port: number) => `tcp ${port} ${address}`;
const pathKey = (path: string) => `path ${path}`;
