/**
 * Connections that the node makes for its clients.
 * @module
 */
import type { Duplex } from "node:stream";
import { formatHostPort } from "../../base/dial.ts";
import { AppError } from "../../base/errors.ts";
import { checkForwarding } from "../../model/permits.ts";
import type { ForwardTarget } from "../../ssh/server_channels.ts";
import type { NodeConnection, NodeContext } from "../context.ts";
import { connectTcp } from "../os/tcp_socket.ts";
import { connectUnix } from "../os/unix_socket.ts";
import { osLoginOf } from "../os_login.ts";
import { audited, nameForAudit } from "./audit.ts";

/** RFC 1035 section 2.3.4. */
const MAX_HOST = 255;
const MAX_PORT = 65535;

/** To a port of a host that this node can reach. */
export function dialForClient(
  node: NodeContext,
  connection: NodeConnection,
  target: ForwardTarget,
): Promise<Duplex> {
  const address = formatHostPort({ host: nameForAudit(target.host), port: target.port });
  return audited(node, connection, "connection", address, async () => {
    checkForwarding(connection.identity);
    const { host, port } = target;
    if (host.length > MAX_HOST) throw new AppError("not_found", "a name of that length is no host");
    if (port < 1 || port > MAX_PORT) throw new AppError("not_found", `${port} is no port`);
    const user = osLoginOf(connection);
    await node.pam?.hold(connection, user);
    return await connectTcp(host, port, user);
  });
}

/** To a socket of this host, which the login's OS user must be allowed to reach. */
export function dialSocketForClient(
  node: NodeContext,
  connection: NodeConnection,
  path: string,
): Promise<Duplex> {
  return audited(node, connection, "connection", nameForAudit(path), async () => {
    checkForwarding(connection.identity);
    const user = osLoginOf(connection);
    await node.pam?.hold(connection, user);
    return await connectUnix(path, user);
  });
}
