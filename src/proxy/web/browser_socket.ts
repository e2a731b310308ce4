/**
 * WebSockets (RFC 6455) of browsers: bounded messages, no compression (its memory is the client's to waste), and a peer
 * that does not answer pings is gone.
 * @module
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="./ws.d.ts"
import { type WebSocket, WebSocketServer } from "ws";
import { type Clock, every } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";

/** What a socket is used with. */
export interface SocketHandlers {
  text(message: string): void;
  binary(message: Uint8Array): void;
  /** Once, for whatever reason. */
  closed(): void;
}

const MAX_MESSAGE_BYTES = 1024 * 1024;
const PING_EVERY = 20 * SECOND;
/** How long the goodbye may take. */
const CLOSE_MS = 2 * SECOND;

const server = new WebSocketServer({
  noServer: true,
  maxPayload: MAX_MESSAGE_BYTES,
  perMessageDeflate: false,
  clientTracking: false,
});

/** Takes over an upgrade request. @returns undefined when it is none, or the client has gone; it was answered then */
export function acceptBrowser(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  clock: Clock,
): Promise<BrowserSocket | undefined> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve(undefined));
    server.handleUpgrade(
      incoming,
      socket,
      Buffer.from(head),
      (accepted) => resolve(new BrowserSocket(accepted, clock)),
    );
  });
}

export class BrowserSocket {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #handlers: SocketHandlers | undefined;
  #answered = true;

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.pause(); // until somebody listens
    socket.on("error", () => socket.terminate()); // "close" follows and tells
    socket.on("pong", () => this.#answered = true);
    socket.on("message", (data, isBinary) => {
      const bytes = toBytes(data);
      if (isBinary) this.#handlers?.binary(bytes);
      else this.#handlers?.text(bytes.toString("utf8"));
    });
    const pinging = every(clock, PING_EVERY, () => {
      if (!this.#answered) return socket.terminate();
      this.#answered = false;
      socket.ping();
    });
    socket.once("close", () => {
      pinging.cancel();
      this.#handlers?.closed();
    });
  }

  /** From now on messages come. */
  serve(handlers: SocketHandlers): void {
    this.#handlers = handlers;
    if (this.#socket.readyState === this.#socket.CLOSED) handlers.closed();
    this.#socket.resume();
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  /** @param sent called when it has left for the network, or never */
  send(message: Uint8Array | string, sent?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(message, (error) => {
      if (!error) sent?.();
    });
  }

  /** Takes no more messages for now. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye, and goes also when nobody answers. @param code RFC 6455 section 7.4 */
  close(code: number): void {
    const socket = this.#socket;
    const cut = this.#clock.after(CLOSE_MS, () => socket.terminate());
    socket.once("close", () => cut.cancel());
    socket.resume(); // what was read no more stands before the other side's goodbye
    socket.close(code);
    if (socket.readyState === socket.CLOSED) cut.cancel();
  }
}

function toBytes(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}
