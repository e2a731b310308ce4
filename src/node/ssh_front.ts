/**
 * The node's SSH face on port 3022: certificates of the user CA, for OS users this host has; sessions and forwarded
 * connections.
 * @module
 */
import { claimedName, identifyUser, restrict } from "../api/identity.ts";
import type { AccessCheck } from "../api/cluster_access.ts";
import { type LiveAccess, unlessDropped } from "../api/live_access.ts";
import { RefusedClients } from "../api/refused_clients.ts";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { AccessChecker } from "../model/access.ts";
import type { EventFields } from "../model/event.ts";
import type { UserIdentity } from "../model/identity.ts";
import { tellSessions } from "../session/notice.ts";
import { printable } from "../ssh/public_key.ts";
import { type HostCredential, type ServerLimits, SshServer } from "../ssh/server.ts";
import type { CertificateAttempt } from "../ssh/server_authentication.ts";
import { connectionFields, type NodeConnection, type NodeContext } from "./context.ts";
import { dialForClient, dialSocketForClient } from "./forwarding/direct.ts";
import { listenForClient, listenSocketForClient } from "./forwarding/listen.ts";
import { osLogin } from "./os_login.ts";
import { nodeSession } from "./session.ts";

const log = logger("node");

export function nodeSshServer(
  node: NodeContext,
  hostCredential: HostCredential,
  limits: Partial<ServerLimits>,
  live: LiveAccess,
): SshServer<UserIdentity> {
  const refused = new RefusedClients(node.clock, (event) => node.emit(event));
  return new SshServer<UserIdentity>({
    hostCredential,
    limits,
    clock: node.clock,
    visitorOf: ({ name, cluster }) => ({ user: `${name}@${cluster}` }),
    routes: {
      session: (connection) => nodeSession(node, connection),
      directTcpip: (connection, target) => dialForClient(node, connection, target),
      directStreamlocal: (connection, path) => dialSocketForClient(node, connection, path),
      listenTcp: (connection, bind, onIncoming) => listenForClient(node, connection, bind, onIncoming),
      listenStreamlocal: (connection, path, onIncoming) =>
        listenSocketForClient(node, connection, path, onIncoming),
    },
    authenticator: {
      certificate: (attempt) => authenticate(node, attempt),
      onUnproven: ({ username, reason, remote }) => node.emit(refusedLogin(username, remote, reason)),
      onOtherMethod: ({ username, method, remote }) =>
        node.emit(refusedLogin(username, remote, `${method} is not accepted, only certificates`)),
    },
    onConnection: (connection) =>
      live.add({
        identity: connection.identity,
        closed: connection.closed,
        // With the labels of now: one that comes and goes with a command's output must not end what has begun.
        check: unlessDropped(
          connection.identity,
          node.trust,
          mayBeHere(connection.username, node.labels()),
        ),
        traffic: () => connection.traffic(),
        end: (reason) => end(node, connection, reason),
      }),
    onRefused(remote, reason) {
      log.debug("{address} refused: {reason}", { address: remote.address, reason });
      refused.note(remote.address, reason);
    },
  });
}

/** The event of a try that named no certificate worth believing. */
function refusedLogin(
  username: string,
  remote: { address: string; port: number },
  error: string,
): EventFields {
  return {
    event: "auth",
    success: false,
    login: printable(username),
    "addr.remote": `${remote.address}:${remote.port}`,
    error,
  };
}

/** This login on a node with these labels. */
function mayBeHere(login: string, labels: Readonly<Record<string, string>>): AccessCheck {
  return (rights) => rights.checkNode(login, labels);
}

/** Ends a connection whose time is over, and says why. */
function end(node: NodeContext, connection: NodeConnection, reason: string): void {
  node.emit({ event: "client.disconnect", ...connectionFields(node, connection), reason });
  node.sessions.cut(connection);
  if (!tellSessions(connection, `teleport: you are disconnected: ${reason}`)) return connection.close();
  node.clock.after(SHOW_MS, () => connection.close());
}

/** OpenSSH's client leaves at once when it is disconnected, and drops what it was about to show. */
const SHOW_MS = 250;

/** Certificate, then login, then OS user, then the roles; every refusal is an event. */
async function authenticate(node: NodeContext, attempt: CertificateAttempt): Promise<UserIdentity> {
  const { certificate, username, remote } = attempt;
  const event = {
    event: "auth" as const,
    user: printable(claimedName(certificate, node.trust())),
    login: printable(username),
    "addr.remote": `${remote.address}:${remote.port}`,
  };
  try {
    const identity = identifyUser(certificate, {
      trust: node.trust(),
      now: node.clock.now(),
      address: remote.address,
      login: username,
      via: remote.via,
    });
    osLogin(username);
    const rights = await admitted(node, identity, username);
    if (attempt.proven) node.emit({ ...event, success: true });
    return restrict(identity, rights.permits());
  } catch (error) {
    node.emit({ ...event, success: false, error: messageOf(error) });
    throw error;
  }
}

/** @throws {AppError} access_denied that names who wanted to be whom, and why not */
async function admitted(node: NodeContext, identity: UserIdentity, login: string): Promise<AccessChecker> {
  try {
    return await node.access.admit(identity, mayBeHere(login, node.labels()));
  } catch (error) {
    if (!isAppError(error, "access_denied")) throw error;
    const { name, foreign } = identity;
    const { cluster } = node.trust();
    throw new AppError(
      "access_denied",
      `user ${
        foreign ? name : `${name}@${cluster}`
      } is not authorized to login as ${login}@${cluster}: ${error.message}`,
    );
  }
}
