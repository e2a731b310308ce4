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
import { errno, libc, SOCK_CLOEXEC, SOCK_STREAM } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const AF_UNIX = 1;
const BACKLOG = 1024;

const EACCES = 13;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;

/** A socket that listens. */
export class ListeningSocket {
  #open = true;

  /**
   * @param wanted what was asked for
   * @param address what it is: another port, where 0 took any
   */
  private constructor(
    readonly fd: number,
    readonly wanted: HostPort,
    readonly address: HostPort,
    /** Whether this process was started with it. */
    readonly inherited: boolean,
  ) {}

  /** A socket that this process was started with. */
  static inherit(fd: number, wanted: HostPort, address: HostPort): ListeningSocket {
    closeOnExec(fd);
    return new ListeningSocket(fd, wanted, address, true);
  }

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
    return new ListeningSocket(fd, wanted, { host: wanted.host, port: portOf(fd) }, false);
  }

  /** Another descriptor of the same socket: whoever gets it may close it. */
  duplicate(): number {
    if (!this.#open) throw new AppError("closed", "this daemon does not listen any more");
    const copy = libc().fcntl(this.fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw new AppError("limit", `too many open files (error ${errno()})`);
    return copy;
  }

  close(): void {
    if (this.#open) libc().close(this.fd);
    this.#open = false;
  }
}

/** Programs that this process starts are not to have it. */
export function closeOnExec(fd: number): void {
  libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/** Two Unix sockets that are connected to each other. */
export function socketPair(): [number, number] {
  const ends = new Int32Array(2);
  if (libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new Uint8Array(ends.buffer)) !== 0) {
    throw new AppError("limit", `cannot make a pair of sockets (error ${errno()})`);
  }
  return [ends[0] ?? -1, ends[1] ?? -1];
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
