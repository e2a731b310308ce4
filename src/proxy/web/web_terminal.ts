/**
 * A terminal in a browser: a WebSocket on one side, an SSH session on a node on the other. Output is read from the node
 * only as fast as the browser draws it and the network takes it, so a browser that stops reading costs a window and no
 * more; what is typed is taken only as fast as the node takes it.
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { TERMINAL_WINDOW, type TerminalNotice, type TerminalRequest } from "../../model/web.ts";
import type { ClientSession } from "../../ssh/channel.ts";
import type { SshClient } from "../../ssh/client.ts";
import {
  readSessionNotice,
  SESSION_NOTICE,
  SESSION_NOTICES,
  type SessionNotice,
} from "../../ssh/session_notice.ts";
import type { BrowserSocket } from "./browser_socket.ts";
import { parseTerminalRequest } from "./terminal_request.ts";

export type OpenRequest = Extract<TerminalRequest, { type: "open" }>;

export interface WebTerminalOptions {
  socket: BrowserSocket;
  clock: Clock;
  /** Checks the bearer and connects. @throws {AppError} with a text for the user */
  connect(request: OpenRequest): Promise<SshClient>;
  /** The cluster that lists and records the session, where that is another one. */
  site: string | undefined;
  /** An unexpected failure, for the log. */
  onFault(error: unknown): void;
  /** Once, when the socket is gone. */
  onClosed(): void;
}

/** Closing codes; those from 4000 are ours to choose (RFC 6455 section 7.4.2). */
export const CLOSE = { done: 1000, lost: 1011, misbehaved: 4400, signedOut: 4401, refused: 4403 } as const;

const FIRST_MESSAGE_MS = 5 * SECOND;
/** A node that does not tell which session it is: it cannot be joined, but used. */
const NOTICE_MS = 2 * SECOND;
const RESIZE_MS = 40;
/** A browser's terminal knows no other encoding: the machine may, unless it is told. */
const UTF_8 = { LC_CTYPE: "C.UTF-8" };
/** IUTF8 (RFC 8160): erasing takes characters, not bytes. */
const MODES: readonly [number, number][] = [[42, 1]];
/** How much may wait for the network, whatever the browser says that it has drawn. */
const MAX_WAITING = 512 * 1024;

export class WebTerminal {
  readonly #options: WebTerminalOptions;
  readonly #first: Timer;
  #open: OpenRequest | undefined;
  #ssh: SshClient | undefined;
  #session: ClientSession | undefined;
  #size: { w: number; h: number } | undefined;
  /** Set once the browser knows the session. */
  #ready = false;
  #late: Timer | undefined;
  #resizing: Timer | undefined;
  #notice: SessionNotice | undefined;
  /** Bytes of output that the browser has not drawn yet. */
  #ahead = 0;
  #isOver = false;

  constructor(options: WebTerminalOptions) {
    this.#options = options;
    const { socket, clock } = options;
    this.#first = clock.after(
      FIRST_MESSAGE_MS,
      () => this.end("the first message did not come", CLOSE.misbehaved),
    );
    socket.serve({
      text: (message) => this.#guard(() => this.#request(parseTerminalRequest(message))),
      binary: (typed) => this.#guard(() => this.#type(typed)),
      closed: () => {
        this.#leave();
        options.onClosed();
      },
    });
  }

  /** Tells the browser why, and closes. */
  end(reason: string, code: number): void {
    if (this.#isOver) return;
    this.#tell({ type: "error", message: reason });
    this.#close(code);
  }

  #guard(run: () => void): void {
    if (this.#isOver) return;
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (isAppError(error)) {
      const code = error.code === "unauthenticated"
        ? CLOSE.signedOut
        : error.code === "bad_input"
        ? CLOSE.misbehaved
        : CLOSE.refused;
      return this.end(error.message, code);
    }
    this.#options.onFault(error);
    this.end("something went wrong on the server", CLOSE.refused);
  }

  #request(request: TerminalRequest): void {
    if (request.type === "open") {
      if (this.#open) throw new AppError("bad_input", "the terminal is open already");
      this.#open = request;
      this.#size = request.term;
      this.#first.cancel();
      this.#start(request).catch((error: unknown) => this.#fail(error));
      return;
    }
    if (!this.#open) throw new AppError("bad_input", "the first message must open the terminal");
    if (request.type === "ping") return this.#tell({ type: "pong", id: request.id });
    if (request.type === "resize") return this.#resize(request);
    if (request.bytes > this.#ahead) throw new AppError("bad_input", "more was drawn than was sent");
    this.#ahead -= request.bytes;
    this.#flow();
  }

  /** A window that is drawn larger has many sizes; the last counts. */
  #resize(size: { w: number; h: number }): void {
    this.#size = size;
    if (!this.#session) return;
    this.#resizing ??= this.#options.clock.after(RESIZE_MS, () => {
      this.#resizing = undefined;
      if (this.#size && !this.#isOver) this.#session?.resize(windowOf(this.#size));
    });
  }

  async #start(open: OpenRequest): Promise<void> {
    const ssh = await this.#options.connect(open);
    if (this.#isOver) return ssh.close();
    this.#ssh = ssh;
    const { sid, mode = "peer" } = open;
    const asked = this.#size ?? open.term;
    const session = await ssh.shell({
      pty: { term: "xterm-256color", ...windowOf(asked), modes: new Map(MODES) },
      env: {
        [SESSION_NOTICES]: "1",
        ...UTF_8,
        ...(sid === undefined ? {} : { TELEPORT_SESSION: sid, TELEPORT_SESSION_MODE: mode }),
      },
      onTold: (type, fields) => {
        if (type !== SESSION_NOTICE) return false;
        this.#told(readSessionNotice(fields));
        return true;
      },
    });
    if (this.#isOver) return ssh.close();
    this.#session = session;
    if (this.#size && this.#size !== asked) session.resize(windowOf(this.#size));
    session.exit.then(({ code: status, signal }) => {
      if (this.#isOver) return;
      // A connection that broke has no end to tell of: the session may go on, and can be joined again.
      if (status === undefined && signal === undefined && !ssh.open) return this.#close(CLOSE.lost);
      this.#tell({ type: "exit", status, signal });
      this.#close(CLOSE.done);
    });
    ssh.closed.then(() => this.#close(CLOSE.lost));
    if (this.#notice) this.#begin(session, this.#notice.sid);
    else this.#late = this.#options.clock.after(NOTICE_MS, () => this.#begin(session, ""));
  }

  #told(notice: SessionNotice): void {
    this.#notice = notice;
    if (!this.#session) return;
    if (!this.#ready) return this.#begin(this.#session, notice.sid);
    this.#tell({ type: "size", w: notice.columns, h: notice.rows });
  }

  #begin(session: ClientSession, sid: string): void {
    if (this.#ready || this.#isOver || !this.#open) return;
    this.#ready = true;
    this.#late?.cancel();
    const { server_id: server, login } = this.#open;
    const { site } = this.#options;
    this.#tell({ type: "ready", sid, server, login, ...(site === undefined ? {} : { site }) });
    if (this.#notice) this.#tell({ type: "size", w: this.#notice.columns, h: this.#notice.rows });
    for (const output of [session.stream, session.stderr]) {
      output.on("data", (piece: Uint8Array) => this.#show(piece));
      output.on("error", () => {}); // the end of the session tells it
    }
  }

  #show(piece: Uint8Array): void {
    if (this.#isOver) return;
    this.#ahead += piece.length;
    this.#options.socket.send(piece, () => this.#flow());
    this.#flow();
  }

  /** Reads on from the node, or waits for the browser. */
  #flow(): void {
    const session = this.#session;
    if (!session || this.#isOver || !this.#ready) return;
    const isFull = this.#ahead >= TERMINAL_WINDOW || this.#options.socket.waiting >= MAX_WAITING;
    for (const output of [session.stream, session.stderr]) {
      if (isFull) output.pause();
      else if (output.isPaused()) output.resume();
    }
  }

  #type(typed: Uint8Array): void {
    const stream = this.#session?.stream;
    if (!stream) throw new AppError("bad_input", "nothing can be typed before the terminal is ready");
    if (!stream.writable || stream.write(typed)) return;
    const { socket } = this.#options;
    socket.pause();
    stream.once("drain", () => socket.resume());
  }

  #tell(notice: TerminalNotice): void {
    // Who asks and asks, and reads no answer.
    if (this.#options.socket.waiting > 2 * MAX_WAITING) return this.#close(CLOSE.misbehaved);
    this.#options.socket.send(JSON.stringify(notice));
  }

  #close(code: number): void {
    if (this.#isOver) return;
    this.#leave();
    this.#options.socket.close(code);
  }

  #leave(): void {
    this.#isOver = true;
    this.#first.cancel();
    this.#late?.cancel();
    this.#resizing?.cancel();
    this.#session?.stream.resume(); // what nobody will see must not keep the channel from closing
    this.#session?.close();
    this.#ssh?.close();
  }
}

function windowOf({ w, h }: { w: number; h: number }) {
  return { columns: w, rows: h, width: 0, height: 0 };
}
