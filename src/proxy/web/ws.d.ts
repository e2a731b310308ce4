// Types of the parts of `ws` that this project uses: those of DefinitelyTyped bring all of Node's along, which differ
// from the runtime's own.
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export class WebSocket {
  constructor(url: string, options?: { rejectUnauthorized?: boolean; headers?: Record<string, string> });
  readonly readyState: number;
  readonly OPEN: number;
  readonly CLOSED: number;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  on(event: "message", listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): this;
  on(event: "unexpected-response", listener: (request: unknown, response: IncomingMessage) => void): this;
  on(event: "close", listener: (code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: "open" | "pong", listener: () => void): this;
  once(event: "close", listener: (code: number, reason: Buffer) => void): this;
  send(data: Uint8Array | string, sent?: (error?: Error) => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code?: number): void;
  terminate(): void;
}

export class WebSocketServer {
  constructor(
    options: { noServer: true; maxPayload: number; perMessageDeflate: boolean; clientTracking: boolean },
  );
  handleUpgrade(
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    accept: (socket: WebSocket) => void,
  ): void;
}
