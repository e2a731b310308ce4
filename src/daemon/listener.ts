/**
 * Listening sockets, opened by the supervisor through libc and handed to the roles as numbers: so no role needs a
 * permission to listen, a role that crashed gets the same socket again, and so does a new daemon after a reload.
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { HostPort } from "../base/dial.ts";
import { AppError } from "../base/errors.ts";
import { socketAddress } from "../base/socket_address.ts";

const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const F_DUPFD_CLOEXEC = 1030;
const BACKLOG = 1024;

const EACCES = 13;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  }).symbols;
}

let loaded: ReturnType<typeof openLibc> | undefined;
const libc = () => loaded ??= openLibc();

function errno(): number {
  const place = libc().__errno_location();
  return place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
}

/** A socket that listens. */
export class ListeningSocket {
  #open = true;

  private constructor(readonly fd: number, readonly address: HostPort) {}

  /**
   * Opens a TCP socket and listens on it.
   * @param wanted port 0 takes any free one; the result's `address` has the real one
   * @throws {AppError} unavailable, saying which address and what to do
   */
  static async open(wanted: HostPort): Promise<ListeningSocket> {
    const ip = isIP(wanted.host) ? wanted.host : await resolve(wanted.host);
    const { family, bytes: address } = socketAddress(ip, wanted.port);
    const fd = libc().socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new AppError("unavailable", `cannot make a socket (error ${errno()})`);
    libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(new Int32Array([1]).buffer), 4);
    if (libc().bind(fd, address, address.length) !== 0 || libc().listen(fd, BACKLOG) !== 0) {
      const code = errno();
      libc().close(fd);
      throw new AppError("unavailable", `cannot listen on ${wanted.host}:${wanted.port}: ${reason(code)}`);
    }
    return new ListeningSocket(fd, { host: wanted.host, port: portOf(fd) });
  }

  /** Another descriptor of the same socket: whoever gets it may close it. */
  duplicate(): number {
    const copy = libc().fcntl(this.fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw new AppError("limit", `too many open files (error ${errno()})`);
    return copy;
  }

  close(): void {
    if (this.#open) libc().close(this.fd);
    this.#open = false;
  }
}

async function resolve(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new AppError("unavailable", `cannot listen on "${host}": the name cannot be resolved`, {
      cause: error,
    });
  }
}

function reason(code: number): string {
  if (code === EADDRINUSE) {
    return "another program listens there already; choose another port or stop that program";
  }
  if (code === EADDRNOTAVAIL) return "this machine does not have that address";
  if (code === EACCES) return "ports below 1024 need root";
  return `error ${code}`;
}

function portOf(fd: number): number {
  const address = new Uint8Array(28);
  libc().getsockname(fd, address, new Uint8Array(new Uint32Array([address.length]).buffer));
  return new DataView(address.buffer).getUint16(2);
}
