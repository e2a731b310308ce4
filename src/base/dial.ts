/**
 * Opening TCP connections.
 * @module
 */
import { connect, type OnReadOpts, type Socket } from "node:net";
import { AppError } from "./errors.ts";
import { lendingSocket } from "./lending.ts";

/**
 * Connects to `host:port`.
 * @param timeoutMs milliseconds until the attempt is given up
 * @throws {AppError} unavailable or timeout, naming the address
 */
export function dialTcp(host: string, port: number, timeoutMs = 10_000): Promise<Socket> {
  return dial(host, port, timeoutMs, (onread) => connect({ host, port, onread }));
}

/** As {@linkcode dialTcp}, for a connection that TLS is to take over: it needs a socket whose data nobody reads apart. */
export function dialForTls(host: string, port: number, timeoutMs = 10_000): Promise<Socket> {
  return dial(host, port, timeoutMs);
}

/** As {@linkcode dialTcp}, for a connection of which either direction may end first. */
export function dialHalfOpen(host: string, port: number, timeoutMs = 10_000): Promise<Socket> {
  return dial(host, port, timeoutMs, (onread) => connect({ host, port, allowHalfOpen: true, onread }));
}

function dial(
  host: string,
  port: number,
  timeoutMs: number,
  lending?: (onread: OnReadOpts) => Socket,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = lending ? lendingSocket(lending) : connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new AppError("timeout", `${host}:${port} did not answer within ${timeoutMs / 1000} seconds`));
    }, timeoutMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      socket.setNoDelay(true); // the option alone has no effect in Deno 2.9.6
      resolve(socket);
    });
    socket.once("error", (error: Error & { code?: string }) => {
      clearTimeout(timer);
      reject(
        new AppError("unavailable", `cannot connect to ${host}:${port}: ${reasonOf(error)}`, {
          cause: error,
        }),
      );
    });
  });
}

function reasonOf(error: Error & { code?: string }): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "nobody listens there";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the name cannot be resolved";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "there is no route to it";
    default:
      return error.code ?? error.message;
  }
}

/** A host name or address, IPv6 without brackets, and a port. */
export interface HostPort {
  host: string;
  port: number;
}

/** `host:port`, with brackets around IPv6 addresses. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
