/**
 * The browser's end of a terminal: a WebSocket that collects what it is shown and draws it, if it wants.
 * @module
 */
// @ts-types="../../src/proxy/web/ws.d.ts"
import { WebSocket } from "ws";
import type { TerminalNotice, TerminalRequest } from "../../src/model/web.ts";
import { eventually } from "./run.ts";
import type { WebBrowser } from "./web_browser.ts";

export interface TerminalChange {
  path?: string;
  headers?: Record<string, string>;
  open?: Partial<Extract<TerminalRequest, { type: "open" }>>;
  /** Sends no first message. */
  silent?: boolean;
  /** Never says that anything was drawn. */
  drawsNothing?: boolean;
}

/** The upgrade was refused. */
export class RefusedUpgrade extends Error {
  constructor(readonly status: number) {
    super(`the upgrade was answered with ${status}`);
  }
}

export class WebTerminalClient {
  shown = "";
  bytes = 0;
  readonly notices: TerminalNotice[] = [];
  closeCode: number | undefined;

  private constructor(readonly socket: WebSocket, drawsNothing: boolean) {
    socket.on("message", (data, isBinary) => {
      const bytes = data as Uint8Array;
      if (!isBinary) return void this.notices.push(JSON.parse(new TextDecoder().decode(bytes)));
      this.bytes += bytes.length;
      this.shown = (this.shown + new TextDecoder().decode(bytes)).slice(-100_000);
      if (!drawsNothing) this.send({ type: "drawn", bytes: bytes.length });
    });
    socket.on("close", (code) => this.closeCode = code);
  }

  /** @throws {RefusedUpgrade} */
  static open(browser: WebBrowser, server: string, login: string, change: TerminalChange = {}) {
    const path = change.path ?? "/v1/webapi/sites/-current-/connect";
    const socket = new WebSocket(`wss://127.0.0.1:${browser.port}${path}`, {
      rejectUnauthorized: false,
      headers: { cookie: browser.cookieLine, origin: `https://127.0.0.1:${browser.port}`, ...change.headers },
    });
    return new Promise<WebTerminalClient>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("unexpected-response", (_request, response) => {
        response.resume();
        socket.terminate();
        reject(new RefusedUpgrade(response.statusCode ?? 0));
      });
      socket.on("open", () => {
        const terminal = new WebTerminalClient(socket, change.drawsNothing === true);
        const open: TerminalRequest = {
          type: "open",
          token: browser.bearer ?? "",
          server_id: server,
          login,
          term: { w: 100, h: 30 },
          ...change.open,
        };
        if (change.silent !== true) terminal.send(open);
        resolve(terminal);
      });
    });
  }

  send(request: TerminalRequest): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify(request));
  }

  type(text: string): void {
    this.socket.send(new TextEncoder().encode(text));
  }

  shows(text: string | RegExp): Promise<RegExpExecArray> {
    const pattern = typeof text === "string" ? new RegExp(RegExp.escape(text)) : text;
    return eventually(`the terminal to show ${text}; it shows ${this.shown.slice(-500)}`, () => {
      this.#failIfClosed();
      return Promise.resolve(pattern.exec(this.shown) ?? undefined);
    });
  }

  notice<T extends TerminalNotice["type"]>(
    type: T,
    fits: (notice: Extract<TerminalNotice, { type: T }>) => boolean = () => true,
  ): Promise<Extract<TerminalNotice, { type: T }>> {
    const found = () =>
      this.notices.find((notice): notice is Extract<TerminalNotice, { type: T }> =>
        notice.type === type && fits(notice as Extract<TerminalNotice, { type: T }>)
      );
    return eventually(`the notice ${type}`, () => {
      const notice = found();
      if (!notice) this.#failIfClosed();
      return Promise.resolve(notice);
    });
  }

  #failIfClosed(): void {
    if (this.closeCode === undefined) return;
    throw new Error(
      `the terminal was closed (${this.closeCode}): ${JSON.stringify(this.notices)} ${this.shown}`,
    );
  }

  /** The code with which the server closed it. */
  closed(): Promise<number> {
    return eventually("the terminal to close", () => Promise.resolve(this.closeCode));
  }

  close(): Promise<number> {
    this.socket.close(1000);
    return this.closed();
  }
}
