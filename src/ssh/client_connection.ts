/**
 * A logged-in connection of a client: sessions, connections made by the server, and what the server may bring back.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { clearTimeout, setTimeout } from "node:timers";
import { AppError, isAppError } from "../base/errors.ts";
import type { ClientSession } from "./channel.ts";
import { ClientChannels, type Connect, tcpKey } from "./client_channels.ts";
import { type Program, type SessionOptions, startSession } from "./client_session.ts";
import { JoinedChannels } from "./joined_channels.ts";
import { ChannelLayer } from "./ssh2/channel_layer.ts";
import type { Gate } from "./ssh2/gate.ts";
import { GlobalRequests } from "./ssh2/global_requests.ts";
import type { Ssh2Client } from "./ssh2/internals.ts";
import { keepAlive } from "./ssh2/keep_alive.ts";
import { type WireReader, WireWriter } from "./wire.ts";

/** What a server may reach through a connection, once a session asks for it. */
export interface ClientOptions {
  /** Connects to the user's ssh-agent. */
  agent?: () => Promise<Duplex>;
  /** Every session lends it, whether or not the session's options say so. */
  lendsAgent?: boolean;
  /** Connects to the user's X server. It must put the real cookie in the place of the one that the session named. */
  x11?: Connect;
  /** Something that the server tells (RFC 4254 section 4). @returns false for what is not known */
  onTold?: (name: string, fields: WireReader) => boolean;
  /** Serves channels of other types, which the server may open at any time; what is thrown refuses, with its text. */
  channels?: Readonly<Record<string, (fields: WireReader) => Promise<Duplex>>>;
  /** How many channels may be open at once, in the place of the usual number. */
  maxChannels?: number;
  /** A silent server is asked after so long whether it is still there; after three more times it is not. */
  keepAliveMs?: number;
}

/** Something that a server listens on for us. */
export interface RemoteForward {
  /** 0 for a socket of the file system. */
  readonly port: number;
  /** Connections that are open stay. @throws {AppError} */
  close(): Promise<void>;
}

/** As many as a client that asked for several listeners will ever need. */
const MAX_CHANNELS = 1024;
/** How long a closing connection may take to send its last bytes. */
const CLOSE_GRACE_MS = 500;
/** Characters of a command that a message repeats. */
const MAX_SHOWN = 200;

/** A logged-in connection. */
export class SshClient {
  readonly #library: Ssh2Client;
  readonly #options: ClientOptions;
  readonly #layer: ChannelLayer;
  readonly #requests: GlobalRequests;
  readonly #channels: ClientChannels;
  readonly sessionId: Buffer;
  /** Settles when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
  #open = true;

  /** To be made as soon as the server accepted the login: its next messages may stand in the same packet. */
  constructor(library: Ssh2Client, gate: Gate, stream: Duplex, options: ClientOptions) {
    this.#library = library;
    this.#options = options;
    this.#channels = new ClientChannels(options.channels);
    this.sessionId = library._protocol._kex?.sessionID ?? Buffer.alloc(0);
    library.on("error", () => stream.destroy()); // "close" follows and tells everyone
    this.closed = new Promise((resolve) => {
      library.once("close", () => {
        this.#open = false;
        resolve();
      });
    });
    this.#layer = new ChannelLayer(library, {
      gate,
      maxChannels: options.maxChannels ?? MAX_CHANNELS,
      onOpen: (open) => this.#channels.route(open, joined),
    });
    const joined = new JoinedChannels(this.#layer, this.closed);
    this.#requests = new GlobalRequests(library, this.#layer, gate, (name, fields) => {
      if (options.onTold?.(name, fields)) return new Uint8Array();
      throw new AppError("unsupported", "this client serves no requests");
    });
    if (options.keepAliveMs) {
      keepAlive(library, this.#requests, options.keepAliveMs, () => stream.destroy());
    }
  }

  get open(): boolean {
    return this.#open;
  }

  exec(command: string, options: SessionOptions = {}): Promise<ClientSession> {
    const shown = command.length > MAX_SHOWN ? `${command.slice(0, MAX_SHOWN)}...` : command;
    return this.#session(`run "${shown}"`, { type: "exec", name: command }, options);
  }

  shell(options: SessionOptions = {}): Promise<ClientSession> {
    return this.#session("start a shell", { type: "shell" }, options);
  }

  subsystem(name: string, options: SessionOptions = {}): Promise<ClientSession> {
    return this.#session(`start the subsystem "${name}"`, { type: "subsystem", name }, options);
  }

  /** Whichever of the three. */
  start(program: Program, options: SessionOptions = {}): Promise<ClientSession> {
    switch (program.type) {
      case "shell":
        return this.shell(options);
      case "exec":
        return this.exec(program.name, options);
      case "subsystem":
        return this.subsystem(program.name, options);
    }
  }

  /** A connection from the server to `host:port` (RFC 4254 section 7.2). */
  directTcpip(host: string, port: number, origin = { address: "127.0.0.1", port: 0 }): Promise<Duplex> {
    const fields = new WireWriter().string(host).uint32(port).string(origin.address).uint32(origin.port);
    return refusedTo(`connect to ${host}:${port}`, this.#layer.open("direct-tcpip", fields.bytes()));
  }

  /** A connection from the server to a socket of its file system (OpenSSH PROTOCOL 2.4). */
  directStreamlocal(path: string): Promise<Duplex> {
    const fields = new WireWriter().string(path).string("").uint32(0);
    const opened = this.#layer.open("direct-streamlocal@openssh.com", fields.bytes());
    return refusedTo(`connect to ${path}`, opened);
  }

  /**
   * Has the server listen (RFC 4254 section 7.1).
   * @param address `localhost`, `*`, nothing, or an address; servers may take less than was asked for
   * @param port 0 for any that is free
   * @param connect called for each connection that comes in
   */
  async forwardRemote(address: string, port: number, connect: Connect): Promise<RemoteForward> {
    const bind = (at: number) => new WireWriter().string(address).uint32(at).bytes();
    let bound = port;
    const granted = (data: Buffer) => {
      if (port === 0 && data.length >= 4) bound = data.readUInt32BE();
      this.#channels.tcp.set(tcpKey(address, bound), connect);
    };
    await refusedTo(
      `listen on ${address || "*"}:${port}`,
      this.#requests.ask("tcpip-forward", bind(port), granted),
    );
    return {
      port: bound,
      close: async () => {
        this.#channels.tcp.delete(tcpKey(address, bound));
        await refusedTo(
          `stop listening on port ${bound}`,
          this.#requests.ask("cancel-tcpip-forward", bind(bound)),
        );
      },
    };
  }

  /** Has the server listen on a socket of its file system, which it makes (OpenSSH PROTOCOL 2.4). */
  async forwardRemoteSocket(path: string, connect: Connect): Promise<RemoteForward> {
    const fields = new WireWriter().string(path).bytes();
    const granted = () => void this.#channels.streamlocal.set(path, connect);
    await refusedTo(
      `listen on ${path}`,
      this.#requests.ask("streamlocal-forward@openssh.com", fields, granted),
    );
    return {
      port: 0,
      close: async () => {
        this.#channels.streamlocal.delete(path);
        const cancelled = this.#requests.ask("cancel-streamlocal-forward@openssh.com", fields);
        await refusedTo(`stop listening on ${path}`, cancelled);
      },
    };
  }

  /**
   * Asks the server something (RFC 4254 section 4).
   * @returns the data of its answer; undefined when it does not know what is asked, or says nothing in time
   */
  async ask(name: string, timeoutMs: number): Promise<Buffer | undefined> {
    let answer: Buffer | undefined;
    const asked = this.#requests.ask(name, undefined, (data) => void (answer = data)).catch((error) => {
      if (!isAppError(error)) throw error;
    });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([asked, late]);
    clearTimeout(timer);
    return answer;
  }

  /** Settles when the server has shown that it is still there. @throws {AppError} timeout or closed */
  keepalive(): Promise<void> {
    return this.#requests.ping();
  }

  /** Gives up the right to open more sessions, so that nobody else can use it (OpenSSH PROTOCOL 2.2). */
  noMoreSessions(): void {
    this.#requests.tell("no-more-sessions@openssh.com");
  }

  #session(what: string, program: Program, options: SessionOptions): Promise<ClientSession> {
    const { agent, x11, lendsAgent } = this.#options;
    if (lendsAgent) options = { ...options, agent: true };
    if (options.agent) this.#channels.agent = agent;
    if (options.x11) this.#channels.x11 = x11;
    return refusedTo(what, startSession(this.#layer, this.#requests, program, options));
  }

  close(): void {
    this.#library.end();
    const socket = this.#library._sock;
    socket.end();
    setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
  }
}

/** Says what a refusal was about. */
async function refusedTo<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isAppError(error) || error.code === "timeout" || error.code === "closed") throw error;
    throw new AppError(error.code, `the server refused to ${what}: ${error.message}`, { cause: error });
  }
}
