/**
 * The node's SSH face on port 3022: certificates of the user CA, for OS users this host has; sessions and forwarded
 * connections.
 * @module
 */
import { identifyUser } from "../api/identity.ts";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { EventFields } from "../model/event.ts";
import type { UserIdentity } from "../model/identity.ts";
import { printable } from "../ssh/public_key.ts";
import { type HostCredential, type ServerLimits, SshServer } from "../ssh/server.ts";
import type { CertificateAttempt } from "../ssh/server_authentication.ts";
import type { NodeContext } from "./context.ts";
import { dialForClient, dialSocketForClient } from "./forwarding/direct.ts";
import { listenForClient, listenSocketForClient } from "./forwarding/listen.ts";
import { osLogin } from "./os_login.ts";
import { nodeSession } from "./session.ts";

const log = logger("node");

export function nodeSshServer(
  node: NodeContext,
  hostCredential: HostCredential,
  limits: Partial<ServerLimits>,
): SshServer<UserIdentity> {
  return new SshServer<UserIdentity>({
    hostCredential,
    limits,
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
    onRefused: (remote, reason) =>
      log.debug("{address} refused: {reason}", { address: remote.address, reason }),
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

/** Certificate, then login, then OS user; every refusal is an event. */
function authenticate(node: NodeContext, attempt: CertificateAttempt): UserIdentity {
  const { certificate, username, remote } = attempt;
  const event = {
    event: "auth" as const,
    user: printable(certificate.keyId),
    login: printable(username),
    "addr.remote": `${remote.address}:${remote.port}`,
  };
  try {
    const identity = identifyUser(certificate, {
      trust: node.trust(),
      now: node.clock.now(),
      address: remote.address,
      login: username,
    });
    osLogin(username);
    if (attempt.proven) node.emit({ ...event, success: true });
    return identity;
  } catch (error) {
    node.emit({ ...event, success: false, error: messageOf(error) });
    throw error;
  }
}
