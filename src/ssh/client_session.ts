/**
 * The client's end of a session channel (RFC 4254 section 6).
 * @module
 */
import type { Duplex, Readable } from "node:stream";
import { AppError } from "../base/errors.ts";
import type { ClientSession, ExitStatus, PtyRequest, Refusable, WindowSize, X11Request } from "./channel.ts";
import type { ChannelLayer } from "./ssh2/channel_layer.ts";
import type { GlobalRequests } from "./ssh2/global_requests.ts";
import type { Ssh2Channel } from "./ssh2/internals.ts";
import { encodeModes } from "./terminal_modes.ts";
import { type WireReader, WireWriter } from "./wire.ts";

export interface SessionOptions {
  pty?: PtyRequest;
  /** Servers take what they like of it, without a word. */
  env?: Record<string, string>;
  /** Lends our agent to the session; `ConnectOptions.agent` serves it. */
  agent?: boolean;
  /** What the server tells on the channel besides the exit. @returns false for what is not known */
  onTold?: (type: string, fields: WireReader) => boolean;
  /** Shows windows of the session's programs; `ConnectOptions.x11` serves them. */
  x11?: X11Request;
}

/** What runs in a session. */
export type Program = { type: "shell" } | { type: "exec"; name: string } | {
  type: "subsystem";
  name: string;
};

/**
 * Opens a session and starts a program in it. All requests leave together, without waiting for answers.
 * @throws {AppError} with the server's reason when there is no session or the program does not start
 */
export async function startSession(
  layer: ChannelLayer,
  requests: GlobalRequests,
  program: Program,
  options: SessionOptions,
): Promise<ClientSession> {
  const status: ExitStatus = {};
  const channel = await layer.open("session", new Uint8Array(), {
    request: (type, fields) => noteExit(status, type, fields) || options.onTold?.(type, fields) === true,
    closed: () => {},
  });
  const session = new SessionOverSsh2(layer, channel, status);
  for (const [name, value] of Object.entries(options.env ?? {})) {
    layer.notify(channel, "env", new WireWriter().string(name).string(value).bytes());
  }
  const wish = async (what: Refusable, type: string, fields?: Uint8Array) => {
    if (!await layer.request(channel, type, fields)) session.refused.add(what);
  };
  const wishes: Promise<void>[] = [];
  if (options.agent) wishes.push(wish("agent", "auth-agent-req@openssh.com"));
  if (options.x11) wishes.push(wish("x11", "x11-req", x11Fields(options.x11)));
  if (options.pty) wishes.push(wish("pty", "pty-req", ptyFields(options.pty)));
  const name = "name" in program ? new WireWriter().string(program.name).bytes() : undefined;
  const started = await layer.request(channel, program.type, name);
  await Promise.all(wishes);
  if (started) return session;
  channel.close();
  throw new AppError("unavailable", requests.told || "no reason given");
}

class SessionOverSsh2 implements ClientSession {
  readonly #layer: ChannelLayer;
  readonly #channel: Ssh2Channel;
  readonly exit: Promise<ExitStatus>;
  readonly refused = new Set<Refusable>();

  constructor(layer: ChannelLayer, channel: Ssh2Channel, status: ExitStatus) {
    this.#layer = layer;
    this.#channel = channel;
    this.exit = new Promise((resolve) => channel.once("close", () => resolve(status)));
  }

  get stream(): Duplex {
    return this.#channel;
  }

  get stderr(): Readable {
    return this.#channel.stderr;
  }

  resize(size: WindowSize): void {
    this.#layer.notify(this.#channel, "window-change", sizeFields(size).bytes());
  }

  signal(name: string): void {
    this.#layer.notify(this.#channel, "signal", new WireWriter().string(name).bytes());
  }

  break(ms: number): Promise<boolean> {
    return this.#layer.request(this.#channel, "break", new WireWriter().uint32(ms).bytes());
  }

  endOutput(): void {
    this.#channel.resume(); // what is under way is dropped, so that the end is noticed
    this.#layer.notify(this.#channel, "eow@openssh.com");
  }

  close(): void {
    this.#channel.close();
  }
}

/** RFC 4254 section 6.10. The first that comes counts. */
function noteExit(status: ExitStatus, type: string, fields: WireReader): boolean {
  if (status.code !== undefined || status.signal !== undefined) return false;
  if (type === "exit-status") status.code = fields.uint32();
  else if (type === "exit-signal") {
    status.signal = fields.string().toString().replace(/[^\w@.-]/g, "?").slice(0, 64);
    status.coreDumped = fields.boolean();
  } else return false;
  return true;
}

function sizeFields({ columns, rows, width, height }: WindowSize): WireWriter {
  return new WireWriter().uint32(columns).uint32(rows).uint32(width).uint32(height);
}

function ptyFields(pty: PtyRequest): Uint8Array {
  return new WireWriter().string(pty.term).raw(sizeFields(pty).bytes()).string(encodeModes(pty.modes))
    .bytes();
}

function x11Fields({ singleConnection, protocol, cookie, screen }: X11Request): Uint8Array {
  return new WireWriter().boolean(singleConnection).string(protocol).string(cookie).uint32(screen).bytes();
}
