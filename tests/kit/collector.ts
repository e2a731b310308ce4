/**
 * Collectors of an audit log, as people run them: HTTPS that takes JSON lines, syslog by TCP and UDP.
 * @module
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:https";
import { createServer as createTcpServer, type Socket } from "node:net";

export type CollectedEvent = Record<string, string | number | boolean>;

/** Everything that is posted, by a server with a certificate of its own. */
export class HttpCollector implements AsyncDisposable {
  readonly events: CollectedEvent[] = [];
  readonly headers: Record<string, string | string[] | undefined>[] = [];
  /** The answer to the next posts. */
  status = 200;
  readonly #server;

  private constructor(pair: { key: string; cert: string }) {
    this.#server = createServer(pair, (request, response) => {
      let body = "";
      request.on("data", (chunk) => body += chunk);
      request.on("end", () => {
        this.headers.push(request.headers);
        if (this.status < 300) this.events.push(...jsonLines(body));
        response.writeHead(this.status).end();
      });
    });
  }

  static async start(pair: { key: string; cert: string }, port = 0): Promise<HttpCollector> {
    const collector = new HttpCollector(pair);
    await new Promise<void>((resolve) => collector.#server.listen(port, "127.0.0.1", resolve));
    return collector;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Syslog by TCP, in octet counting. */
export class TcpSyslog implements AsyncDisposable {
  text = "";
  readonly #sockets = new Set<Socket>();
  readonly #server = createTcpServer((socket) => {
    this.#sockets.add(socket);
    socket.on("data", (chunk) => this.text += chunk);
    socket.on("error", () => {});
  });

  static async start(): Promise<TcpSyslog> {
    const syslog = new TcpSyslog();
    await new Promise<void>((resolve) => syslog.#server.listen(0, "127.0.0.1", resolve));
    return syslog;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Syslog by UDP. */
export class UdpSyslog implements AsyncDisposable {
  readonly messages: string[] = [];
  readonly #socket = createSocket("udp4", (message) => this.messages.push(message.toString("utf8")));

  static async start(): Promise<UdpSyslog> {
    const syslog = new UdpSyslog();
    await new Promise<void>((resolve) => syslog.#socket.bind(0, "127.0.0.1", resolve));
    return syslog;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

function jsonLines(text: string): CollectedEvent[] {
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}
