/**
 * One authenticated connection on the server side: what it may ask for, and what it may be asked (RFC 4254).
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { AppError } from "../base/errors.ts";
import { counter } from "../base/metrics.ts";
import { JoinedChannels } from "./joined_channels.ts";
import { type ForwardTarget, routeChannel } from "./server_channels.ts";
import { type BindRequest, type BoundSocket, type OnIncoming, ServerForwards } from "./server_forwards.ts";
import { serveSession, type SessionHandlers } from "./server_session.ts";
import { ChannelLayer, type IncomingOpen } from "./ssh2/channel_layer.ts";
import type { Gate } from "./ssh2/gate.ts";
import { GlobalRequests } from "./ssh2/global_requests.ts";
import type { Ssh2Connection } from "./ssh2/internals.ts";
import { keepAlive } from "./ssh2/keep_alive.ts";
import { trafficOf } from "./ssh2/traffic.ts";
import { type WireReader, WireWriter } from "./wire.ts";

const OUR_IDENT = "SSH-2.0-Teleport";

const channelsOpened = counter("teleport_ssh_channels_total", "Channels that clients have asked for");

/** An address and port. */
export interface Endpoint {
  address: string;
  port: number;
  /** The cluster through whose tunnel it came, if whoever relays for it has said so. */
  via?: string;
}

/** One authenticated connection. */
export interface ServerConnection<I> {
  readonly identity: I;
  /** The name the client logged in with: on a node, the OS user. */
  readonly username: string;
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** The exchange hash of the first key exchange: names this connection to both ends and to nobody else. */
  readonly sessionId: Buffer;
  readonly closed: Promise<void>;
  /** @param graceMs how long the last bytes may take */
  close(graceMs?: number): void;
  /** Grows whenever data moves on a channel, either way; keep-alives are no data. */
  traffic(): number;
  /** Tells the client something that needs no answer (RFC 4254 section 4); one that does not know it ignores it. */
  tell(name: string, fields: Uint8Array): void;
  /** Whether the client's identification line is that of this product. */
  readonly isOurs: boolean;
  /** A connection to the client's ssh-agent. The client refuses unless it has offered that. @throws {AppError} */
  openAgent(): Promise<Duplex>;
  /** Opens a channel of a type that client and server have agreed on. @throws {AppError} with the client's reason */
  openChannel(type: string, fields: Uint8Array): Promise<Duplex>;
  /** Hands a window program's connection to the client (RFC 4254 section 6.3.2); it is closed when the client refuses. */
  offerX11(stream: Duplex, origin: Endpoint): void;
}

/**
 * What a server does for its clients. A missing entry means: refused. An AppError refuses, and its text is told to the
 * client.
 */
export interface Routes<I> {
  /** Opens a session; called for each channel of type `session`. */
  session?(connection: ServerConnection<I>): SessionHandlers;
  /** Connects a `direct-tcpip` channel (RFC 4254 section 7.2). */
  directTcpip?(connection: ServerConnection<I>, target: ForwardTarget): Promise<Duplex>;
  /** Connects a `direct-streamlocal@openssh.com` channel (OpenSSH PROTOCOL 2.4). @param path of a socket */
  directStreamlocal?(connection: ServerConnection<I>, path: string): Promise<Duplex>;
  /** Listens for `tcpip-forward` (RFC 4254 section 7.1). */
  listenTcp?(
    connection: ServerConnection<I>,
    bind: BindRequest,
    onIncoming: OnIncoming,
  ): Promise<BoundSocket>;
  /** Answers a global request of another kind (RFC 4254 section 4); undefined when it is not known. */
  answer?(connection: ServerConnection<I>, name: string): Uint8Array | undefined;
  /** Listens for `streamlocal-forward@openssh.com`. @param path of the socket to be made */
  listenStreamlocal?(
    connection: ServerConnection<I>,
    path: string,
    onIncoming: OnIncoming,
  ): Promise<BoundSocket>;
}

export interface ConnectionLimits {
  maxSessionsPerConnection: number;
  /** Sessions, forwarded connections and those that wait for an answer, together. */
  maxChannelsPerConnection: number;
  /** A client that is silent for so long is asked whether it is still there; after three more times it is not. */
  keepAliveMs: number;
}

/** Who logged in and from where. */
export type ConnectionFacts<I> = Omit<
  ServerConnection<I>,
  "openAgent" | "openChannel" | "offerX11" | "traffic" | "tell" | "isOurs"
>;

/** Serves a connection that has just logged in. */
export function serveConnection<I>(
  library: Ssh2Connection,
  gate: Gate,
  facts: ConnectionFacts<I>,
  routes: Routes<I>,
  limits: ConnectionLimits,
): ServerConnection<I> {
  const { session, directTcpip, directStreamlocal, listenTcp, listenStreamlocal } = routes;
  let sessions = 0;
  let noMoreSessions = false;

  const openSession = (open: IncomingOpen) => {
    if (noMoreSessions) {
      return gate.cut("the client opens a session after it said that it would open no more");
    }
    if (!session) return open.refuse("prohibited", "this server has no sessions");
    if (sessions >= limits.maxSessionsPerConnection) {
      const most = limits.maxSessionsPerConnection;
      return open.refuse("shortage", `too many sessions on this connection: ${most} are allowed`);
    }
    sessions++;
    serveSession(open, session(connection), {
      explain: (reason) => requests.explain(reason),
      onClosed: () => sessions--,
    });
  };
  const serveGlobal = (name: string, fields: WireReader) => {
    if (name === "no-more-sessions@openssh.com") {
      noMoreSessions = true;
      return new Uint8Array();
    }
    const answer = forwards.serve(name, fields) ?? routes.answer?.(connection, name);
    if (!answer) throw new AppError("unsupported", "this server does not know this request");
    return answer;
  };

  const layer = new ChannelLayer(library, {
    gate,
    maxChannels: limits.maxChannelsPerConnection,
    onOpen: (open) => {
      channelsOpened.add();
      routeChannel(open, {
        session: openSession,
        directTcpip: directTcpip && ((target) => directTcpip(connection, target)),
        directStreamlocal: directStreamlocal && ((path) => directStreamlocal(connection, path)),
      }, channels);
    },
  });
  const channels = new JoinedChannels(layer, facts.closed);
  const forwards = new ServerForwards(layer, channels, {
    tcp: listenTcp && ((bind, onIncoming) => listenTcp(connection, bind, onIncoming)),
    streamlocal: listenStreamlocal &&
      ((path, onIncoming) => listenStreamlocal(connection, path, onIncoming)),
  }, facts.closed);
  const requests = new GlobalRequests(library, layer, gate, serveGlobal);
  const connection: ServerConnection<I> = {
    ...facts,
    traffic: () => trafficOf(library),
    tell: (name, fields) => requests.tell(name, fields),
    isOurs: library._protocol._remoteIdentRaw?.toString("latin1") === OUR_IDENT,
    openAgent: () => layer.open("auth-agent@openssh.com", new Uint8Array()),
    openChannel: (type, fields) => layer.open(type, fields),
    offerX11: (stream, origin) =>
      void channels.offer(stream, "x11", new WireWriter().string(origin.address).uint32(origin.port)),
  };
  keepAlive(library, requests, limits.keepAliveMs, () => connection.close());
  return connection;
}
