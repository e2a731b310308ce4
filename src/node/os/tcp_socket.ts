/**
 * TCP connections on behalf of a user: the kernel counts their sockets as that user's, so rules of the host's firewall
 * about users hold for what they forward as for their own programs (`iptables -m owner`).
 * @module
 */
import { lookup } from "node:dns/promises";
import { isIP, Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { formatHostPort } from "../../base/dial.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { lendingSocket } from "../../base/lending.ts";
import { socketAddress } from "../../base/socket_address.ts";
import { asUser } from "./as_user.ts";
import { libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { lastErrno, must, osError } from "./os_error.ts";
import { watch, WRITABLE } from "./reactor.ts";
import type { OsUser } from "./user.ts";

const SOCK_STREAM = 1, SOL_SOCKET = 1, SO_ERROR = 4;
const EINPROGRESS = 115;
const REASONS: ReadonlyMap<number, string> = new Map([
  [101, "there is no route to it"], // ENETUNREACH
  [110, "it did not answer in time"], // ETIMEDOUT
  [111, "nobody listens there"], // ECONNREFUSED
  [113, "there is no route to it"], // EHOSTUNREACH
]);

/**
 * Connects to `host:port`; of a name's addresses the first that answers. Either direction of the connection may end first.
 * @param timeoutMs milliseconds for all of it
 * @throws {AppError} unavailable or timeout, naming the address
 */
export async function connectTcp(
  host: string,
  port: number,
  user: OsUser,
  timeoutMs = 10_000,
): Promise<Socket> {
  const name = formatHostPort({ host, port });
  const late = new AppError("timeout", `${name} did not answer within ${timeoutMs / 1000} seconds`);
  const { promise: deadline, reject } = Promise.withResolvers<never>();
  const abandoned = new AbortController();
  const timer = setTimeout(() => {
    abandoned.abort();
    reject(late);
  }, timeoutMs);
  const attempt = connectToAny(host, port, user, abandoned.signal);
  attempt.then((stream) => abandoned.signal.aborted && stream.destroy(), () => {}); // who waits is told below
  try {
    return await Promise.race([attempt, deadline]);
  } catch (error) {
    if (!isAppError(error, "unavailable")) throw error;
    throw new AppError("unavailable", `cannot connect to ${name}: ${error.message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function connectToAny(
  host: string,
  port: number,
  user: OsUser,
  abandoned: AbortSignal,
): Promise<Socket> {
  let trouble = new AppError("unavailable", "the name cannot be resolved");
  for (const address of await addressesOf(host)) {
    if (abandoned.aborted) break;
    try {
      return streamOf(await connectTo(address, port, user, abandoned));
    } catch (error) {
      if (!isAppError(error)) throw error;
      trouble = error;
    }
  }
  throw trouble;
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host)) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return []; // the resolver's own words are no help: the name has no address
  }
}

/** @returns the descriptor of a connected socket */
async function connectTo(ip: string, port: number, user: OsUser, abandoned: AbortSignal): Promise<number> {
  const { family, bytes } = socketAddress(ip, port);
  const { socket, connect, close } = libc();
  const fd = asUser(
    user,
    () => must(socket(family, SOCK_STREAM | O_CLOEXEC | O_NONBLOCK, 0), "make a socket"),
  );
  try {
    const errno = connect(fd, bytes, bytes.length) === 0 ? 0 : lastErrno();
    const outcome = errno === EINPROGRESS ? await outcomeOf(fd, abandoned) : errno;
    if (outcome === 0) return fd;
    throw new AppError("unavailable", REASONS.get(outcome) ?? osError("connect", outcome).message);
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** The error number of a connection that is being made, 0 when it stands. */
function outcomeOf(fd: number, abandoned: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      connecting.close();
      abandoned.removeEventListener("abort", give);
      then();
    };
    const give = () => settle(() => reject(new AppError("timeout", "it did not answer in time")));
    const connecting = watch(fd, () => settle(() => resolve(socketError(fd))));
    abandoned.addEventListener("abort", give);
    connecting.want(WRITABLE);
  });
}

function socketError(fd: number): number {
  const value = new Uint32Array(1), size = new Uint32Array([4]);
  must(libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, value, size), "ask for a socket's error");
  return value[0] ?? 0;
}

function streamOf(fd: number): Socket {
  return lendingSocket((onread) => {
    const options = { fd, allowHalfOpen: true, readable: true, writable: true, onread };
    return new Socket(options).setNoDelay(true);
  });
}
