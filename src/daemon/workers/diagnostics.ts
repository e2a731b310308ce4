/**
 * The Worker that answers health checks and shows metrics. It may do nothing but serve the socket it is handed, because
 * the supervisor, who knows everything, reads nothing from the network.
 * @module
 */
import { createServer, type ServerResponse } from "node:http";

/** What can be asked for, and the words for it. */
const PAGES = { "/healthz": "health", "/readyz": "readiness", "/metrics": "metrics" } as const;
export type Page = (typeof PAGES)[keyof typeof PAGES];

/** What the supervisor answers. */
export interface PageText {
  status: number;
  type: string;
  text: string;
}

export type ToDiagnostics = { type: "serve"; fd: number } | { type: "page"; id: number; page: PageText };
export type FromDiagnostics = { type: "loaded" } | { type: "ask"; id: number; page: Page };

/** The part of a dedicated Worker's global scope that is used here. */
interface WorkerScope {
  postMessage(message: FromDiagnostics): void;
  onmessage: ((event: MessageEvent<ToDiagnostics>) => void) | null;
}

const MAX_WAITING = 32;
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
};

const scope = self as unknown as WorkerScope;
const waiting = new Map<number, ServerResponse>();
let last = 0;

const server = createServer(LIMITS, (request, response) => {
  const [path = ""] = (request.url ?? "").split("?");
  const page = Object.hasOwn(PAGES, path) ? PAGES[path as keyof typeof PAGES] : undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
  if (page === undefined) return void response.writeHead(404).end();
  if (waiting.size >= MAX_WAITING) return void response.writeHead(503).end();
  const id = ++last;
  waiting.set(id, response);
  response.once("close", () => waiting.delete(id));
  scope.postMessage({ type: "ask", id, page });
});
server.maxConnections = MAX_WAITING * 2;

scope.onmessage = ({ data: message }) => {
  if (message.type === "serve") return void server.listen({ fd: message.fd });
  const { status, type, text } = message.page;
  waiting.get(message.id)?.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(text);
};
scope.postMessage({ type: "loaded" });
