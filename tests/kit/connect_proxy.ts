/**
 * An HTTP proxy that takes CONNECT and remembers what it was asked for.
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface ConnectProxyOptions {
  /** Spoken to by TLS, with this pair. */
  tls?: { key: string; cert: string };
  /** `user:password` that it wants. */
  login?: string;
  /** Its answer in place of a connection. */
  answer?: string;
  /** Where names lead, in place of where they are. */
  hosts?: Readonly<Record<string, string>>;
}

export class LoggingProxy implements AsyncDisposable {
  /** `host:port` of each request. */
  readonly asked: string[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server, readonly options: ConnectProxyOptions) {}

  static async start(options: ConnectProxyOptions = {}): Promise<LoggingProxy> {
    let proxy: LoggingProxy | undefined = undefined;
    const onSocket = (socket: Socket) => proxy?.serve(socket);
    const server = options.tls ? createTlsServer(options.tls, onSocket) : createServer(onSocket);
    const made = proxy = new LoggingProxy(server, options);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** As a variable has it. */
  get url(): string {
    const login = this.options.login === undefined ? "" : `${this.options.login}@`;
    return `${this.options.tls ? "https" : "http"}://${login}localhost:${this.port}`;
  }

  serve(socket: Socket): void {
    this.#keep(socket);
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onData);
      socket.pause();
      this.#answer(socket, received.subarray(0, end).toString("latin1"));
    };
    socket.on("data", onData);
  }

  #answer(socket: Socket, head: string): void {
    const { login, answer, hosts = {} } = this.options;
    const [, method, target = ""] = /^(\S+) (\S+) HTTP/.exec(head) ?? [];
    this.asked.push(method === "CONNECT" ? target : `${method} ${target}`);
    if (answer !== undefined) return void socket.end(answer);
    const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
    if (wanted !== undefined && /^proxy-authorization: (.*)$/im.exec(head)?.[1] !== wanted) {
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    const colon = target.lastIndexOf(":");
    const host = target.slice(0, colon).replace(/^\[|\]$/g, "");
    const onward = connect(Number(target.slice(colon + 1)), hosts[host] ?? host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward);
      onward.pipe(socket);
    });
    this.#keep(onward);
    onward.on("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    socket.on("close", () => onward.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
