/**
 * Requests to speak another protocol than HTTP: they go through the application like any other, with all of its guards,
 * and a handler of it takes the connection over or answers.
 * @module
 */
import { Buffer } from "node:buffer";
import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { acceptBrowser } from "./browser_socket.ts";
import type { WebApp, WebEnv } from "./context.ts";
import { securityHeaders } from "./security_headers.ts";

export interface UpgradeOptions {
  app: WebApp;
  tls: boolean;
  clock: Clock;
  /** Where the client is. */
  clientOf(socket: Socket): Pick<WebEnv["Bindings"], "clientAddress" | "clientPort">;
  onError(error: unknown): void;
  /** The connection serves no more requests. */
  onTaken(socket: Socket): void;
}

/** Headers that are about the connection, not the request. */
const OF_CONNECTION = /^(?:connection|upgrade|transfer-encoding|content-length|sec-websocket-.*)$/;
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_ANSWER_MS = 2 * SECOND;

export function serveUpgrades(server: Server, options: UpgradeOptions): void {
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    socket.on("error", () => socket.destroy());
    serve(incoming, socket, head, options).catch((error: unknown) => {
      socket.destroy();
      options.onError(error);
    });
  });
}

async function serve(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  { app, tls, clock, clientOf, onTaken }: UpgradeOptions,
): Promise<void> {
  const request = toRequest(incoming, tls);
  if (!request) {
    return answer(socket, new Response(null, { status: 400, headers: securityHeaders(tls) }), clock);
  }
  let taken = false;
  const response = await app.fetch(request, {
    ...clientOf(incoming.socket),
    upgrade: () => {
      taken = true;
      onTaken(incoming.socket);
      return acceptBrowser(incoming, socket, head, clock);
    },
  });
  if (!taken) await answer(socket, response, clock);
}

function toRequest({ method, url = "", headers }: IncomingMessage, tls: boolean): Request | undefined {
  const { host = "" } = headers;
  const target = /^[\w.:[\]-]+$/.test(host) && url.startsWith("/")
    ? URL.parse(`${tls ? "https" : "http"}://${host}${url}`)
    : null;
  if (method !== "GET" || target === null) return undefined;
  const kept = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    typeof value === "string" && !OF_CONNECTION.test(name) ? [[name, value]] : []
  );
  return new Request(target, { headers: kept });
}

/** Answers as to any request, and closes. An answer that goes on is nothing for a client that wanted something else. */
async function answer(socket: Duplex, response: Response, clock: Clock): Promise<void> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  const stop = () => void reader?.cancel().catch(() => {}); // who made the body has told why it fails
  const late = clock.after(MAX_ANSWER_MS, stop);
  socket.once("close", stop);
  while (reader && bytes <= MAX_ANSWER_BYTES) {
    const { value, done } = await reader.read();
    if (done) break;
    pieces.push(value);
    bytes += value.length;
  }
  late.cancel();
  stop();
  const { status } = response;
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const top = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    ...lines,
    "connection: close",
    `content-length: ${bytes}`,
  ];
  socket.end(Buffer.concat([Buffer.from(`${top.join("\r\n")}\r\n\r\n`), ...pieces]), () => socket.destroy());
}
