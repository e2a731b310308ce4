/**
 * Session channels on the server side (RFC 4254 section 6): each request goes to its handler and gets one answer.
 * @module
 */
import { isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { PtyRequest, SessionChannel, WindowSize } from "./channel.ts";
import type { Ssh2Channel, Ssh2Session } from "./ssh2/internals.ts";
import { orderStderr } from "./ssh2/window_patch.ts";
import { parseModes } from "./terminal_modes.ts";

/** What a session does. A missing handler means that request is refused. */
export interface SessionHandlers {
  pty?(request: PtyRequest): boolean;
  env?(name: string, value: string): boolean;
  resize?(size: WindowSize): void;
  signal?(name: string): void;
  shell?(channel: ServerSessionChannel): void | Promise<void>;
  exec?(channel: ServerSessionChannel, command: string): void | Promise<void>;
  /** Returns what to do with the channel, or undefined for a subsystem that does not exist. */
  subsystem?(name: string): ((channel: ServerSessionChannel) => void | Promise<void>) | undefined;
  /** The client closed the session. */
  closed?(): void;
}

/** The server's end of a started session. */
export interface ServerSessionChannel extends SessionChannel {
  exit(status: number): void;
  exit(signal: string, coreDumped: boolean, message: string): void;
}

const log = logger("ssh");

const MAX_ENVIRONMENT = 128;
const MAX_ENVIRONMENT_BYTES = 64 * 1024;

type Accept = (() => unknown) | undefined;
type Reject = (() => void) | undefined;

/**
 * Connects one accepted ssh2 session to its handlers.
 * @param connectionClosed settles when the connection is gone; ssh2 does not tell its sessions
 * @param onClosed called once at the end of the session
 */
export function routeSession(
  accepted: unknown,
  handlers: SessionHandlers,
  connectionClosed: Promise<void>,
  onClosed: () => void,
): void {
  const session = accepted as Ssh2Session;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    onClosed();
    handlers.closed?.();
  };
  connectionClosed.then(() => {
    if (open && session._channel) abandon(session._channel);
    close();
  });
  let environment = 0;
  let environmentBytes = 0;
  const answer = (good: boolean, accept: Accept, reject: Reject) => good ? accept?.() : reject?.();

  session.on("close", close);
  session.on("pty", (accept: Accept, reject: Reject, info: PtyInfo) => {
    answer(handlers.pty?.(toPtyRequest(info)) ?? false, accept, reject);
  });
  session.on("env", (accept: Accept, reject: Reject, { key, val }: { key: string; val: string }) => {
    environment++;
    environmentBytes += key.length + val.length;
    const fits = environment <= MAX_ENVIRONMENT && environmentBytes <= MAX_ENVIRONMENT_BYTES;
    answer(fits && (handlers.env?.(key, val) ?? false), accept, reject);
  });
  session.on(
    "window-change",
    (_accept: Accept, _reject: Reject, info: SizeInfo) => handlers.resize?.(toSize(info)),
  );
  session.on("signal", (accept: Accept, reject: Reject, { name }: { name: string }) => {
    handlers.signal?.(name);
    answer(handlers.signal !== undefined, accept, reject);
  });
  const { shell, exec, subsystem } = handlers;
  if (shell) session.on("shell", (accept: Accept, reject: Reject) => start(accept, reject, shell));
  if (exec) {
    session.on("exec", (accept: Accept, reject: Reject, { command }: { command: string }) => {
      start(accept, reject, (channel) => exec(channel, command));
    });
  }
  if (subsystem) {
    const open = (accept: Accept, reject: Reject, info: { name: string }) => {
      const handler = subsystem(info.name);
      if (handler) start(accept, reject, handler);
      else reject?.();
    };
    session.on("subsystem", open);
  }
}

/** Accepts the request and runs its handler; a handler that fails ends the session with its message. */
function start(
  accept: Accept,
  reject: Reject,
  run: (channel: ServerSessionChannel) => void | Promise<void>,
): void {
  const channel = accept?.() as Ssh2Channel | undefined;
  if (!channel) {
    reject?.();
    return;
  }
  orderStderr(channel);
  channel.on("error", () => {}); // the connection's own error handler reports it
  Promise.resolve().then(() => run(channel)).catch((error: unknown) =>
    failSession(channel, reasonFor(error))
  );
}

/** Ends a channel whose connection is gone, for whoever reads from it or waits for its close. */
function abandon(channel: Ssh2Channel): void {
  channel.push(null);
  channel.emit("close");
}

/** What the client may know of a failure: our own texts, but nothing of an unexpected one. */
function reasonFor(error: unknown): string {
  if (isAppError(error)) return error.message;
  log.error("a session failed unexpectedly: {error}", { error: messageOf(error) });
  return "internal error; the server's log has the details";
}

/** Tells the client why its session cannot go on, and ends it. */
export function failSession(channel: ServerSessionChannel, message: string, status = 1): void {
  channel.stderr.write(`teleport: ${message}\r\n`);
  channel.exit(status);
  endSession(channel);
}

/** Ends a channel when both its streams are sent: ssh2 closes it with the first, and what waits in the other is lost. */
export function endSession(channel: ServerSessionChannel): void {
  channel.stderr.end(() => channel.end());
}

interface SizeInfo {
  cols: number;
  rows: number;
  width: number;
  height: number;
}

interface PtyInfo extends SizeInfo {
  term: string;
  modes: unknown;
}

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 25;
const MAX_CELLS = 4096;

function toSize(info: SizeInfo): WindowSize {
  const bound = (value: number, fallback: number) => value > 0 ? Math.min(value, MAX_CELLS) : fallback;
  return {
    columns: bound(info.cols, DEFAULT_COLUMNS),
    rows: bound(info.rows, DEFAULT_ROWS),
    width: Math.min(info.width, 0xffff),
    height: Math.min(info.height, 0xffff),
  };
}

function toPtyRequest(info: PtyInfo): PtyRequest {
  const term = /^[\w.+-]{1,64}$/.test(info.term) ? info.term : "dumb";
  return { ...toSize(info), term, modes: parseModes(info.modes) };
}
