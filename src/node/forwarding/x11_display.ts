/**
 * A display on this host whose windows appear at the client (RFC 4254 section 6.3): a port on the loopback addresses, and
 * an entry in the user's list of displays, which xauth(1) writes as that user. The cookie in it is one that the client
 * made up; the client replaces it by the real one.
 * @module
 */
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { type Listener, listenOn } from "../../base/listen.ts";
import { logger } from "../../base/log.ts";
import type { X11Request } from "../../ssh/channel.ts";
import { cString } from "../os/c_memory.ts";
import { launchPiped } from "../os/launch.ts";
import { libc } from "../os/libc.ts";
import { loginEnvironment } from "../os/shell.ts";
import type { OsUser } from "../os/user.ts";

const log = logger("node");

const XAUTH = ["/usr/bin/xauth", "/usr/local/bin/xauth", "/usr/X11R6/bin/xauth"];
/** As OpenSSH's X11DisplayOffset and its own limit. */
const FIRST_DISPLAY = 10, MAX_DISPLAYS = 1000;
const FIRST_PORT = 6000;
const ADDRESSES = ["127.0.0.1", "::1"];
const XAUTH_TIMEOUT_MS = 10_000;
const EXECUTABLE = 1;
const MAX_SCREEN = 255;

export interface DisplayOptions {
  user: OsUser;
  request: X11Request;
  clock: Clock;
  onWindow(socket: Socket): void;
}

export class X11Display {
  /** For the session's DISPLAY. */
  readonly name: string;
  readonly #end: () => void;

  private constructor(name: string, end: () => void) {
    this.name = name;
    this.#end = end;
  }

  /** Opens the first free display. @throws {AppError} when there is none, or xauth is missing or fails */
  static async open({ user, request, clock, onWindow }: DisplayOptions): Promise<X11Display> {
    const xauth = XAUTH.find((path) => libc().access(cString(path), EXECUTABLE) === 0);
    if (xauth === undefined) {
      throw new AppError(
        "unsupported",
        "X11 forwarding needs the program xauth, which this host does not have",
      );
    }
    const entry = xauthEntry(request);
    const listeners: Listener[] = [];
    const stopListening = () => listeners.splice(0).forEach((listener) => listener.close());
    let windows = 0;
    const number = await firstFree(listeners, (socket) => {
      if (request.singleConnection && windows++ > 0) return void socket.destroy();
      if (request.singleConnection) stopListening();
      onWindow(socket);
    });
    const name = `unix:${number}.${request.screen}`;
    const run = (commands: string) => runXauth(xauth, user, clock, commands);
    try {
      await run(`remove ${name}\nadd ${name} ${entry}\n`);
    } catch (error) {
      stopListening();
      throw error;
    }
    return new X11Display(`localhost:${number}.${request.screen}`, () => {
      stopListening();
      run(`remove ${name}\n`).catch((error: unknown) =>
        log.debug("an entry of xauth stays: {error}", { error: messageOf(error) })
      );
    });
  }

  /** Windows that are open stay as long as their connections. */
  close(): void {
    this.#end();
  }
}

/** Protocol and cookie go into a command of xauth: they must be single words. */
function xauthEntry({ protocol, cookie, screen }: X11Request): string {
  const word = /^[A-Za-z0-9.:/_-]+$/;
  if (!word.test(protocol) || !word.test(cookie) || screen > MAX_SCREEN) {
    throw new AppError(
      "unsupported",
      "the X11 request names no protocol, cookie and screen that xauth could take",
    );
  }
  return `${protocol} ${cookie}`;
}

/** Finds a display whose port is free on all loopback addresses that this host has, and listens there. */
async function firstFree(listeners: Listener[], onSocket: (socket: Socket) => void): Promise<number> {
  for (let number = FIRST_DISPLAY; number < FIRST_DISPLAY + MAX_DISPLAYS; number++) {
    listeners.push(...await listenAll(FIRST_PORT + number, onSocket));
    if (listeners.length > 0) return number;
  }
  throw new AppError("limit", "no display is free on this host");
}

/** Listens on every address, or on none when one of them is taken. */
async function listenAll(port: number, onSocket: (socket: Socket) => void): Promise<Listener[]> {
  const listeners: Listener[] = [];
  for (const host of ADDRESSES) {
    try {
      listeners.push(await listenOn({ host, port }, onSocket));
    } catch (error) {
      if (!isAppError(error)) throw error;
      const { code } = (error.cause ?? {}) as { code?: string };
      if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") continue; // a host without IPv6
      for (const listener of listeners) listener.close();
      if (code === "EADDRINUSE") return [];
      throw error;
    }
  }
  return listeners;
}

async function runXauth(path: string, user: OsUser, clock: Clock, commands: string): Promise<void> {
  const child = launchPiped({ user, path, argv: ["xauth", "-q", "-"], env: loginEnvironment(user) });
  const timer = clock.after(XAUTH_TIMEOUT_MS, () => child.killSession());
  let said = "";
  child.stdout.resume();
  child.stderr.on("data", (chunk: Uint8Array) => {
    if (said.length < 300) said += new TextDecoder().decode(chunk);
  });
  child.stdin.end(commands);
  const { code } = await child.exit;
  timer.cancel();
  if (code !== 0) {
    throw new AppError("unavailable", `xauth could not note the display: ${said.trim() || "no reason"}`);
  }
}
