/**
 * Sockets of the file system, connected to and made with the rights of a user: permissions hold as for the user's own
 * programs, and whoever asks the kernel who is at the other end is told the user.
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import { Socket } from "node:net";
import { AppError } from "../../base/errors.ts";
import { asUser } from "./as_user.ts";
import { block, cString } from "./c_memory.ts";
import { type FileIdentity, fileIdentity } from "./file_identity.ts";
import { EAGAIN, EINTR, libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { lastErrno, must, osError } from "./os_error.ts";
import { READABLE, type Watch, watch } from "./reactor.ts";
import type { OsUser } from "./user.ts";

const AF_UNIX = 1, SOCK_STREAM = 1;
const SOL_SOCKET = 1, SO_PEERCRED = 17;
const MAX_PATH = 107;
const MODE = 0o600;
const BACKLOG = 64;
const ECONNREFUSED = 111, EADDRINUSE = 98;
/** How many connections are accepted before others get their turn. */
const BATCH = 64;
/** When the system has no descriptors left, in milliseconds. */
const RETRY = 200;

/** Connects to the socket at `path`. Throws AppError when there is none, or the user may not reach it. */
export function connectUnix(path: string, user: OsUser): Socket {
  const address = socketAddress(path);
  const { connect } = libc();
  const fd = newSocket();
  try {
    const errno = asUser(user, () => connect(fd, address, address.length) === 0 ? 0 : lastErrno());
    if (errno === ECONNREFUSED) {
      throw new AppError("unavailable", `cannot connect to ${path}: nobody listens there`);
    }
    if (errno === EAGAIN) throw new AppError("unavailable", `cannot connect to ${path}: too many wait there`);
    if (errno !== 0) throw osError(`connect to ${path}`, errno);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  return streamOf(fd);
}

/** Told about each connection: the stream, and the user id of the program at the other end. */
export type OnUnixConnection = (stream: Socket, uid: number) => void;

/** A socket of the file system that listens. Only its user (and root) may connect. */
export class UnixListener {
  readonly #path: string;
  readonly #user: OsUser;
  readonly #fd: number;
  readonly #identity: FileIdentity | undefined;
  readonly #watch: Watch;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #open = true;

  /** Makes the socket, with mode 0600. Throws AppError `already_exists` when there is a file at `path`, of any kind. */
  constructor(path: string, user: OsUser, onConnection: OnUnixConnection) {
    this.#path = path;
    this.#user = user;
    const address = socketAddress(path);
    const { bind, listen, fchmod } = libc();
    this.#fd = newSocket();
    try {
      must(fchmod(this.#fd, MODE), "set the mode of a socket"); // its file is made with it: no moment in between
      this.#identity = asUser(user, () => {
        if (bind(this.#fd, address, address.length) !== 0) throw bindError(path, lastErrno());
        must(listen(this.#fd, BACKLOG), `listen on ${path}`);
        return fileIdentity(path);
      });
      this.#watch = watch(this.#fd, () => this.#accept(onConnection));
      this.#watch.want(READABLE);
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
  }

  /** Stops listening and removes the file, if it is still the one that was made. Connections stay. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#retry);
    this.#watch.close();
    libc().close(this.#fd);
    const { unlink } = libc();
    asUser(this.#user, () => {
      const now = fileIdentity(this.#path);
      if (now && now.inode === this.#identity?.inode && now.device === this.#identity.device) {
        unlink(cString(this.#path)); // when it fails, the user has seen to that
      }
    });
  }

  #accept(onConnection: OnUnixConnection): void {
    for (let count = 0; count < BATCH && this.#open; count++) {
      const fd = libc().accept4(this.#fd, null, null, O_CLOEXEC | O_NONBLOCK);
      if (fd >= 0) {
        const uid = peerUid(fd);
        onConnection(streamOf(fd), uid);
        continue;
      }
      const errno = lastErrno();
      if (errno === EINTR) continue;
      if (errno !== EAGAIN) this.#pause();
      return;
    }
  }

  /** The connection stays in line and would be reported again at once. */
  #pause(): void {
    this.#watch.want(0);
    this.#retry = setTimeout(() => this.#watch.want(READABLE), RETRY);
  }
}

function newSocket(): number {
  return must(libc().socket(AF_UNIX, SOCK_STREAM | O_CLOEXEC | O_NONBLOCK, 0), "make a socket");
}

/** The descriptor as a stream that owns it. Either side may end first. */
function streamOf(fd: number): Socket {
  return new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
}

function peerUid(fd: number): number {
  const credentials = new Uint32Array(3); // process, user, group
  const size = new Uint32Array([12]);
  must(libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, size), "ask who connects");
  return credentials[1] ?? -1;
}

/** `struct sockaddr_un`: the family in host order, then the path. */
function socketAddress(path: string): Uint8Array<ArrayBuffer> {
  const text = cString(path);
  if (text.length - 1 > MAX_PATH) {
    throw new AppError(
      "unsupported",
      `the path of a socket may have ${MAX_PATH} bytes, not ${text.length - 1}`,
    );
  }
  // A name that starts with NUL would not be in the file system, where nobody's permissions hold.
  if (!path.startsWith("/") || path.includes("\0")) {
    throw new AppError("unsupported", `"${path.replaceAll("\0", "?")}" is no absolute path of a socket`);
  }
  const address = block(2 + text.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(text, 2);
  return address;
}

function bindError(path: string, errno: number): AppError {
  if (errno !== EADDRINUSE) return osError(`listen on ${path}`, errno);
  return new AppError("already_exists", `cannot listen on ${path}: there is a file of that name already`);
}
