/**
 * The way of one terminal to its session: a WebSocket, opened again when it is lost, into the same session.
 * @module
 */
import type { PartyMode, TerminalNotice, TerminalRequest, TerminalSize } from "../../model/web.ts";
import { terminalUrl } from "../api.ts";
import { Cell } from "../cell.ts";
import { bearer, request } from "../request.ts";

/** What to connect to. */
export interface Target {
  server: string;
  /** What the server is called. */
  hostname: string;
  login: string;
  /** The cluster of the server, where it is another one. */
  site?: string | undefined;
  /** Joins this session instead of starting one. */
  sid?: string;
  mode?: PartyMode;
}

export type ConnectionState =
  | { kind: "connecting" }
  | { kind: "open" }
  /** The network is gone; it is tried again at `retryAt`. */
  | { kind: "lost"; retryAt: number }
  | { kind: "ended"; text: string }
  | { kind: "failed"; message: string };

/** Where output goes. */
export interface Output {
  /** @param drawn to be called when it is on the screen */
  write(bytes: Uint8Array, drawn: () => void): void;
  /** The session is joined anew, and its screen comes again. */
  reset(): void;
}

/** What is typed or pasted goes in messages of at most this many bytes. */
const MAX_MESSAGE = 256 * 1024;
/** What is typed before a session is there is kept up to this many bytes. */
const MAX_TYPED = 4096;
/** Acknowledged in steps of this many bytes; well below the server's window. */
const ACK_BYTES = 64 * 1024;
const PING_MS = 3000;
/** Without an answer for so long, the connection counts as lost. */
const SILENCE_MS = 12_000;
/** Why the server closes: the user's web session is over; what was asked for is refused. */
const CLOSE_NO_SESSION = 4401;
const CLOSE_REFUSED = 4403;
const RETRY_MS = [500, 1000, 2000, 4000, 8000] as const;
/** After this many attempts in a row the user has to ask for the next. */
const MAX_RETRIES = 40;

export class TerminalConnection {
  readonly state = new Cell<ConnectionState>({ kind: "connecting" });
  /** Milliseconds to the session's proxy and back. */
  readonly latency = new Cell<number | undefined>(undefined);
  /** The size that rules among all who take part. */
  readonly ruling = new Cell<TerminalSize | undefined>(undefined);
  readonly sid: Cell<string | undefined>;
  /** The cluster that lists and records the session, where that is another one; known once it runs. */
  recorder: string | undefined;
  #socket: WebSocket | undefined;
  #undrawn = 0;
  /** Before the session was there. */
  #typed: Uint8Array<ArrayBuffer>[] = [];
  #retries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  #pings = new Map<number, number>();
  #heard = 0;
  #lastPing = 0;

  constructor(
    readonly target: Target,
    private readonly output: Output,
    private size: TerminalSize,
  ) {
    this.sid = new Cell(target.sid);
    this.#open();
  }

  /** The session is there, or may come back. */
  get running(): boolean {
    return ["connecting", "open", "lost"].includes(this.state.value.kind);
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const { kind } = this.state.value;
    if (kind === "connecting" && this.sid.value === undefined) return this.#typeAhead(bytes);
    if (kind !== "open") return;
    for (let at = 0; at < bytes.length; at += MAX_MESSAGE) {
      this.#socket?.send(bytes.subarray(at, at + MAX_MESSAGE));
    }
  }

  /** Fingers are quicker than networks; but nobody types much at a screen that is empty. */
  #typeAhead(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#typed.reduce((sum, { length }) => sum + length, bytes.length) <= MAX_TYPED) {
      this.#typed.push(bytes);
    }
  }

  /** The room that this window has for the session. */
  resize(size: TerminalSize): void {
    if (size.w === this.size.w && size.h === this.size.h) return;
    this.size = size;
    if (this.state.value.kind === "open") this.#request({ type: "resize", ...size });
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    if (this.state.value.kind !== "lost" && this.state.value.kind !== "failed") return;
    clearTimeout(this.#retry);
    this.#open();
  }

  /** Leaves the session; one that nobody is left in ends after a moment. */
  close(): void {
    clearTimeout(this.#retry);
    this.#end({ kind: "ended", text: "Closed" });
  }

  #open(): void {
    this.state.set({ kind: "connecting" });
    const socket = this.#socket = new WebSocket(terminalUrl(this.target.site));
    socket.binaryType = "arraybuffer";
    const ours = () => socket === this.#socket;
    socket.onopen = () => ours() && this.#hello();
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (!ours()) return;
      this.#heard = performance.now();
      if (typeof data === "string") this.#noticed(JSON.parse(data));
      else this.#draw(new Uint8Array(data));
    };
    socket.onclose = ({ code }) => ours() && this.#closed(code);
  }

  #closed(code: number): void {
    if (code === CLOSE_REFUSED) {
      return this.#end({ kind: "failed", message: "the session cannot be joined or started" });
    }
    // Whether the user's own session is over, the next request tells, and leads to the login.
    if (code === CLOSE_NO_SESSION) void request("/user/status").catch(() => {});
    this.#lost();
  }

  #hello(): void {
    const { server, login, mode } = this.target;
    const sid = this.sid.value;
    this.#request({
      type: "open",
      token: bearer.value,
      server_id: server,
      login,
      term: this.size,
      ...(sid === undefined ? {} : { sid }),
      ...(mode === undefined ? {} : { mode }),
    });
  }

  #request(request: TerminalRequest): void {
    this.#socket?.send(JSON.stringify(request));
  }

  #noticed(notice: TerminalNotice): void {
    switch (notice.type) {
      case "ready":
        if (this.#retries > 0) this.output.reset();
        this.#retries = 0;
        this.#undrawn = 0;
        this.recorder = notice.site;
        this.sid.set(notice.sid || undefined);
        this.state.set({ kind: "open" });
        this.#watch();
        this.#request({ type: "resize", ...this.size });
        for (const bytes of this.#typed.splice(0)) this.send(bytes);
        break;
      case "size":
        this.ruling.set({ w: notice.w, h: notice.h });
        break;
      case "pong": {
        const sent = this.#pings.get(notice.id);
        this.#pings.delete(notice.id);
        if (sent !== undefined) this.latency.set(performance.now() - sent);
        break;
      }
      case "exit":
        this.#end({ kind: "ended", text: exitText(notice) });
        break;
      case "error":
        this.#end({ kind: "failed", message: notice.message });
    }
  }

  #draw(bytes: Uint8Array): void {
    const socket = this.#socket;
    this.output.write(bytes, () => {
      if (socket !== this.#socket) return;
      this.#undrawn += bytes.length;
      if (this.#undrawn < ACK_BYTES) return;
      if (socket?.readyState === WebSocket.OPEN) this.#request({ type: "drawn", bytes: this.#undrawn });
      this.#undrawn = 0;
    });
  }

  #watch(): void {
    this.#stopWatch();
    const ping = () => {
      if (performance.now() - this.#heard > SILENCE_MS) return this.#lost();
      const id = ++this.#lastPing;
      this.#pings.set(id, performance.now());
      this.#request({ type: "ping", id });
    };
    ping();
    this.#pinging = setInterval(ping, PING_MS);
  }

  #stopWatch(): void {
    clearInterval(this.#pinging);
    this.#pings.clear();
    this.latency.set(undefined);
  }

  #lost(): void {
    this.#drop();
    if (!this.running) return;
    if (this.#retries >= MAX_RETRIES) {
      this.state.set({ kind: "failed", message: "the connection was lost and could not be made again" });
      this.#retries = 1;
      return;
    }
    const delay = RETRY_MS[Math.min(this.#retries, RETRY_MS.length - 1)] ?? 0;
    this.#retries++;
    this.state.set({ kind: "lost", retryAt: Date.now() + delay });
    this.#retry = setTimeout(() => this.#open(), delay);
  }

  #end(state: ConnectionState): void {
    this.state.set(state);
    this.#drop();
  }

  #drop(): void {
    this.#stopWatch();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}

function exitText({ status, signal }: { status?: number; signal?: string }): string {
  if (signal !== undefined) return `The session was ended by signal ${signal}`;
  return status === undefined || status === 0
    ? "The session has ended"
    : `The session has ended with exit code ${status}`;
}
