/**
 * A socket that sends datagrams and never waits: to a Unix socket, as syslog's, or by UDP.
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { AppError } from "../../base/errors.ts";
import { socketAddress } from "../../base/socket_address.ts";
import { errno, libc, SOCK_CLOEXEC, SOCK_DGRAM } from "../libc.ts";

const AF_UNIX = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EAGAIN = 11;
const ENOBUFS = 105;
const EMSGSIZE = 90;
/** `sizeof(sockaddr_un.sun_path)`, its closing NUL included. */
const MAX_PATH = 108;

export type DatagramTarget = { kind: "unix"; path: string } | { kind: "udp"; host: string; port: number };

export class DatagramSocket {
  #open = true;

  private constructor(readonly fd: number) {}

  /** @throws {AppError} unavailable, when nobody listens there; bad_input for a path that is too long */
  static async connect(target: DatagramTarget): Promise<DatagramSocket> {
    const { family, bytes } = target.kind === "unix"
      ? unixAddress(target.path)
      : socketAddress(await resolve(target.host), target.port);
    const fd = libc().socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new AppError("unavailable", `cannot make a socket (error ${errno()})`);
    if (libc().connect(fd, bytes, bytes.length) === 0) return new DatagramSocket(fd);
    const code = errno();
    libc().close(fd);
    throw new AppError("unavailable", `cannot reach ${name(target)} (error ${code})`);
  }

  /**
   * Sends one datagram.
   * @returns "full" when the receiver is slow: try again later; "too_large" when it can never be sent
   * @throws {AppError} closed when the receiver is gone
   */
  send(data: Uint8Array<ArrayBuffer>): "sent" | "full" | "too_large" {
    if (libc().send(this.fd, data, BigInt(data.length), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0n) return "sent";
    const code = errno();
    if (code === EAGAIN || code === ENOBUFS) return "full";
    if (code === EMSGSIZE) return "too_large";
    throw new AppError("closed", `nobody receives datagrams any more (error ${code})`);
  }

  close(): void {
    if (this.#open) libc().close(this.fd);
    this.#open = false;
  }
}

/** `struct sockaddr_un` */
function unixAddress(path: string): { family: number; bytes: Uint8Array<ArrayBuffer> } {
  const text = new TextEncoder().encode(path);
  if (text.length >= MAX_PATH) throw new AppError("bad_input", `the path of the socket ${path} is too long`);
  const bytes = new Uint8Array(2 + text.length + 1);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(text, 2);
  return { family: AF_UNIX, bytes };
}

async function resolve(host: string): Promise<string> {
  return isIP(host) ? host : (await lookup(host)).address;
}

function name(target: DatagramTarget): string {
  return target.kind === "unix" ? target.path : `${target.host}:${target.port}`;
}
