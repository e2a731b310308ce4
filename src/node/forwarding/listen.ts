/**
 * Listening on this host for clients.
 * @module
 */
import type { Socket } from "node:net";
import { formatHostPort } from "../../base/dial.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { type Listener, listenOn } from "../../base/listen.ts";
import { checkForwarding } from "../../model/permits.ts";
import type { BindRequest, BoundSocket, OnIncoming } from "../../ssh/server_forwards.ts";
import type { NodeConnection, NodeContext } from "../context.ts";
import { UnixListener } from "../os/unix_socket.ts";
import { osLoginOf } from "../os_login.ts";
import { audited, nameForAudit } from "./audit.ts";
import { bindAddresses, checkPort } from "./rules.ts";

/** On a port of the loopback addresses. */
export function listenForClient(
  node: NodeContext,
  connection: NodeConnection,
  bind: BindRequest,
  onIncoming: OnIncoming,
): Promise<BoundSocket> {
  const address = formatHostPort({ host: nameForAudit(bind.address), port: bind.port });
  return audited(node, connection, "listener", address, async () => {
    checkForwarding(connection.identity);
    const user = osLoginOf(connection);
    checkPort(bind.port, user);
    await node.pam?.hold(connection, user);
    return await listenOnLoopback(bindAddresses(bind.address), bind.port, (socket) => {
      onIncoming(socket, { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
    });
  }, ({ port }) => ({ "port.bound": port }));
}

/** On a socket of the file system, made as the login's OS user, who alone (and root) may connect to it. */
export function listenSocketForClient(
  node: NodeContext,
  connection: NodeConnection,
  path: string,
  onIncoming: OnIncoming,
): Promise<BoundSocket> {
  return audited(node, connection, "listener", nameForAudit(path), async () => {
    checkForwarding(connection.identity);
    const user = osLoginOf(connection);
    await node.pam?.hold(connection, user);
    return new UnixListener(path, user, (stream, uid) => {
      if (uid === user.uid || uid === 0) onIncoming(stream, { address: "", port: 0 });
      else stream.destroy();
    });
  });
}

/**
 * Listens on as many of the addresses as it can, all with the same port; one is enough, for a host without IPv6 is none
 * to blame.
 * @param port 0 for any that is free
 * @throws {AppError} unavailable or access_denied, with the reason
 */
export async function listenOnLoopback(
  addresses: readonly string[],
  port: number,
  onSocket: (socket: Socket) => void,
): Promise<Required<BoundSocket>> {
  const listeners: Listener[] = [];
  let bound = port;
  let trouble: AppError | undefined;
  for (const host of addresses) {
    try {
      const listener = await listenOn({ host, port: bound }, onSocket);
      listeners.push(listener);
      bound = listener.port;
    } catch (error) {
      if (!isAppError(error)) throw error;
      trouble ??= listenError(host, bound, error);
    }
  }
  if (listeners.length === 0) throw trouble ?? new AppError("bad_input", "no address to listen on");
  return { port: bound, close: () => listeners.forEach((listener) => listener.close()) };
}

function listenError(host: string, port: number, error: AppError): AppError {
  const address = formatHostPort({ host, port });
  const { code } = (error.cause ?? {}) as { code?: string };
  if (code === "EACCES") {
    return new AppError("access_denied", `cannot listen on ${address}: this node may not use that port`);
  }
  const reason = code === "EADDRINUSE" ? "another program listens there" : code ?? error.message;
  return new AppError("unavailable", `cannot listen on ${address}: ${reason}`);
}
