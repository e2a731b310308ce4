/**
 * A browser without a screen: keeps cookies, signs in, renews its bearer and sends what our pages send.
 * @module
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { gunzipSync } from "node:zlib";
import type { WebBearer } from "../../src/model/web.ts";
import type { Daemon } from "./cluster.ts";
import { PASSWORD, type User } from "./user.ts";

export interface WebAnswer {
  status: number;
  headers: IncomingMessage["headers"];
  bytes: Buffer;
  text: string;
  /** The body, parsed. */
  // deno-lint-ignore no-explicit-any
  json: any;
}

export interface WebAsk {
  body?: unknown;
  headers?: Record<string, string>;
  /** Sends no bearer. */
  withoutBearer?: boolean;
}

const DEADLINE_MS = 20_000;

export class WebBrowser {
  readonly cookies = new Map<string, string>();
  bearer: string | undefined;

  /** @param from the address that a balancer before the proxy tells of this browser */
  constructor(readonly port: number, readonly from?: string) {}

  /** Sends the balancer's header before anything else (haproxy's proxy-protocol.txt, version 1). */
  async #connect(): Promise<TLSSocket | undefined> {
    if (this.from === undefined) return undefined;
    const socket = connectTcp(this.port, "127.0.0.1");
    await once(socket, "connect");
    await new Promise<unknown>((sent) =>
      socket.write(`PROXY TCP4 ${this.from} 192.0.2.1 40000 443\r\n`, sent)
    );
    const secure = connectTls({ socket, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    return secure;
  }

  /** Loads the first page, as a browser does before it can do anything. */
  static async open(daemon: Daemon, from?: string): Promise<WebBrowser> {
    const { proxyWeb } = await daemon.addresses();
    const browser = new WebBrowser(proxyWeb?.port ?? 0, from);
    await browser.ask("GET", "/web", { headers: { accept: "text/html" } });
    return browser;
  }

  /** A browser in which the user has signed in. */
  static async signedIn(daemon: Daemon, user: User): Promise<WebBrowser> {
    const browser = await WebBrowser.open(daemon);
    const answer = await browser.signIn(user.name, PASSWORD, await user.authenticator.code());
    if (answer.status !== 200) throw new Error(`the login failed: ${answer.status} ${answer.text}`);
    return browser;
  }

  async signIn(user: string, pass: string, code: string): Promise<WebAnswer> {
    const body = { user, pass, second_factor_token: code };
    const answer = await this.ask("POST", "/v1/webapi/sessions", { body });
    if (answer.status === 200) this.bearer = (answer.json as WebBearer).token;
    return answer;
  }

  async renew(): Promise<WebAnswer> {
    const answer = await this.ask("POST", "/v1/webapi/sessions/renew", { withoutBearer: true });
    if (answer.status === 200) this.bearer = (answer.json as WebBearer).token;
    return answer;
  }

  /** A call of the auth API. */
  call(method: string, input: unknown = {}): Promise<WebAnswer> {
    return this.ask("POST", `/v1/webapi/call/${method}`, { body: input });
  }

  get cookieLine(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** The headers that our pages send with a request. */
  headers(method: string, withoutBearer = false): Record<string, string> {
    const csrf = this.cookies.get("__Host-csrf");
    return {
      ...(this.cookies.size > 0 ? { cookie: this.cookieLine } : {}),
      ...(this.bearer !== undefined && !withoutBearer ? { authorization: `Bearer ${this.bearer}` } : {}),
      ...(method !== "GET" && csrf !== undefined ? { "x-csrf-token": csrf } : {}),
    };
  }

  /** Sends a request; `start` gives the answer as soon as its headers are there. */
  async start(method: string, path: string, ask: WebAsk = {}): Promise<IncomingMessage> {
    const { body, headers, withoutBearer } = ask;
    const bytes = body instanceof Uint8Array ? body : body === undefined ? "" : JSON.stringify(body);
    const socket = await this.#connect();
    return await new Promise((resolve, reject) => {
      const sent = request({
        host: "127.0.0.1",
        port: this.port,
        method,
        path,
        rejectUnauthorized: false,
        ...(socket ? { createConnection: () => socket } : { agent: false }),
        headers: {
          ...this.headers(method, withoutBearer),
          ...(body !== undefined ? { "content-type": "application/json" } : {}),
          "content-length": String(Buffer.byteLength(bytes)),
          ...headers,
        },
      }, (answer) => {
        this.#keepCookies(answer);
        resolve(answer);
      });
      const timer = setTimeout(() => sent.destroy(new Error(`no answer to ${method} ${path}`)), DEADLINE_MS);
      sent.on("close", () => clearTimeout(timer));
      sent.on("error", reject);
      sent.end(bytes);
    });
  }

  async ask(method: string, path: string, ask: WebAsk = {}): Promise<WebAnswer> {
    const answer = await this.start(method, path, ask);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    const sent = Buffer.concat(chunks);
    const bytes = answer.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    const text = bytes.toString("utf8");
    const isJson = answer.headers["content-type"]?.startsWith("application/json") === true;
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      bytes,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : undefined,
    };
  }

  #keepCookies(answer: IncomingMessage): void {
    for (const line of answer.headers["set-cookie"] ?? []) {
      const [pair = "", ...attributes] = line.split(/;\s*/);
      const [name = "", value = ""] = pair.split("=");
      if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}
