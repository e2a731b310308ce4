/**
 * Session channels on the server side (RFC 4254 section 6): each request goes to its handler and gets one answer.
 * @module
 */
import { isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { PtyRequest, SessionChannel, WindowSize, X11Request } from "./channel.ts";
import type { Answer, IncomingOpen } from "./ssh2/channel_layer.ts";
import type { Ssh2Channel } from "./ssh2/internals.ts";
import { parseModes } from "./terminal_modes.ts";
import type { WireReader } from "./wire.ts";

/**
 * What a session does. A missing handler means that request is refused. A handler that throws an AppError refuses too, and
 * the client is told its text.
 */
export interface SessionHandlers {
  pty?(request: PtyRequest): boolean;
  env?(name: string, value: string): boolean;
  resize?(size: WindowSize): void;
  /** @returns whether there was somebody to get it */
  signal?(name: string): boolean;
  /** RFC 4335. @param ms how long, 0 for the usual */
  break?(ms: number): boolean;
  /** The client lends its agent (auth-agent-req@openssh.com). */
  agent?(): void;
  /** The client shows windows of programs here (RFC 4254 section 6.3.1). */
  x11?(request: X11Request): void | Promise<void>;
  /** The client reads no more output (eow@openssh.com, OpenSSH PROTOCOL 2.1). */
  endOutput?(): void;
  shell?(channel: ServerSessionChannel): void | Promise<void>;
  exec?(channel: ServerSessionChannel, command: string): void | Promise<void>;
  /** Returns what to do with the channel, or undefined for a subsystem that does not exist. */
  subsystem?(name: string): ((channel: ServerSessionChannel) => void | Promise<void>) | undefined;
  /** The session is there. `tell` sends the client a channel request that wants no answer. */
  opened?(tell: (type: string, fields: Uint8Array) => void): void;
  /** The session is over: closed by the client, or its connection is gone. */
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

/** What a session needs besides its handlers. */
export interface SessionSurroundings {
  /** Tells the client the reason of a refusal. */
  explain(reason: string): void;
  /** Called once at the end of the session. */
  onClosed(): void;
}

/** Accepts a session channel and serves its requests. */
export function serveSession(
  open: IncomingOpen,
  handlers: SessionHandlers,
  { explain, onClosed }: SessionSurroundings,
): void {
  let started = false;
  let over = false;
  const environment = new EnvironmentBound();

  const start = (run: ((channel: ServerSessionChannel) => void | Promise<void>) | undefined): Answer => {
    if (!run) return false;
    started = true;
    return () => void runIn(channel, run);
  };
  const beforeStart = (type: string, fields: WireReader): Answer | Promise<Answer> => {
    const { shell, exec, subsystem, agent, x11 } = handlers;
    switch (type) {
      case "pty-req":
        return handlers.pty?.(readPtyRequest(fields)) ?? false;
      case "env": {
        const [name, value] = [fields.string().toString(), fields.string().toString()];
        return environment.takes(name, value) && (handlers.env?.(name, value) ?? false);
      }
      case "auth-agent-req@openssh.com":
        agent?.();
        return agent !== undefined;
      case "x11-req": {
        const done = x11?.(readX11Request(fields));
        return done ? done.then(() => true) : x11 !== undefined;
      }
      case "shell":
        return start(shell);
      case "exec": {
        const command = fields.string().toString();
        return start(exec && (() => exec(channel, command)));
      }
      case "subsystem":
        return start(subsystem?.(fields.string().toString()));
      default:
        return false;
    }
  };
  const anyTime = (type: string, fields: WireReader): boolean | undefined => {
    switch (type) {
      case "window-change":
        handlers.resize?.(readSize(fields));
        return handlers.resize !== undefined;
      case "signal":
        return handlers.signal?.(fields.string().toString()) ?? false;
      case "break":
        return handlers.break?.(fields.uint32()) ?? false;
      case "eow@openssh.com":
        handlers.endOutput?.();
        return handlers.endOutput !== undefined;
      default:
        return undefined;
    }
  };
  const refuse = (error: unknown): false => {
    if (isAppError(error, "bad_input")) throw error;
    explain(reasonFor(error));
    return false;
  };
  const channel = open.acceptSession({
    request(type, fields) {
      if (over) return false; // it waited in line while the client left
      try {
        const good = anyTime(type, fields) ?? (!started && beforeStart(type, fields));
        return good instanceof Promise ? good.catch(refuse) : good;
      } catch (error) {
        return refuse(error);
      }
    },
    closed() {
      if (started && channel.incoming.state !== "closed") abandon(channel);
      over = true;
      onClosed();
      handlers.closed?.();
    },
  });
  channel.on("error", () => {}); // the connection's own error handler reports it
  handlers.opened?.((type, fields) => open.notify(channel, type, fields));
}

/** Runs a program; one that fails ends the session with its message. */
async function runIn(
  channel: ServerSessionChannel,
  run: (channel: ServerSessionChannel) => void | Promise<void>,
): Promise<void> {
  try {
    await run(channel);
  } catch (error) {
    failSession(channel, reasonFor(error));
  }
}

/** Bounds the variables of one session, those that are refused included. */
class EnvironmentBound {
  #count = 0;
  #bytes = 0;

  takes(name: string, value: string): boolean {
    this.#bytes += name.length + value.length;
    return ++this.#count <= MAX_ENVIRONMENT && this.#bytes <= MAX_ENVIRONMENT_BYTES;
  }
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

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 25;
const MAX_CELLS = 4096;
const MAX_COOKIE = 256;

function readSize(fields: WireReader): WindowSize {
  const bound = (value: number, fallback: number) => value > 0 ? Math.min(value, MAX_CELLS) : fallback;
  return {
    columns: bound(fields.uint32(), DEFAULT_COLUMNS),
    rows: bound(fields.uint32(), DEFAULT_ROWS),
    width: Math.min(fields.uint32(), 0xffff),
    height: Math.min(fields.uint32(), 0xffff),
  };
}

function readPtyRequest(fields: WireReader): PtyRequest {
  const name = fields.string().toString();
  const size = readSize(fields);
  const term = /^[\w.+-]{1,64}$/.test(name) ? name : "dumb";
  return { ...size, term, modes: parseModes(fields.string()) };
}

function readX11Request(fields: WireReader): X11Request {
  const singleConnection = fields.boolean();
  const protocol = fields.string().subarray(0, MAX_COOKIE).toString();
  const cookie = fields.string().subarray(0, MAX_COOKIE).toString();
  return { singleConnection, protocol, cookie, screen: fields.uint32() };
}
