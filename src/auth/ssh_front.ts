/**
 * The auth server's SSH face on port 3025: hosts and users log in with their certificates, new hosts with a join token;
 * the subsystem `auth-api` carries the API, `recording:<sid>` a session's recording.
 * @module
 */
import { identifyHost, identifyUser, type Trust } from "../api/identity.ts";
import { JOIN_USER } from "../api/join_proof.ts";
import { RefusedClients } from "../api/refused_clients.ts";
import { serveApi } from "../api/serve.ts";
import { AppError, isAppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { describe, type Identity } from "../model/identity.ts";
import { type HostCredential, type ServerConnection, type ServerLimits, SshServer } from "../ssh/server.ts";
import type { Authenticator, CertificateAttempt } from "../ssh/server_authentication.ts";
import type { SessionHandlers } from "../ssh/server_session.ts";
import { authHandlers } from "./handlers.ts";
import { proveJoin } from "./join/dialog.ts";
import type { AuthService } from "./service.ts";

const log = logger("auth");
const RECORDING = "recording:";

/** An SSH server for the auth API; the caller feeds it sockets. */
export function authSshServer(
  auth: AuthService,
  hostCredential: HostCredential,
  limits: Partial<ServerLimits> = {},
): SshServer<Identity> {
  const handlers = authHandlers(auth);
  const refused = new RefusedClients(auth.clock, (event) => noted(auth.audit.emit(event)));
  const session = (connection: ServerConnection<Identity>): SessionHandlers => ({
    subsystem(name) {
      if (name === "auth-api") {
        return (channel) =>
          serveApi(channel, {
            handlers,
            identity: connection.identity,
            address: connection.remote.address,
            isTrusted: (identity) => auth.trusts(identity),
            rightsOf: (user) => auth.rights.of(user),
            onWatch: (notify) => auth.changes.watch(notify),
            onFault: (method, error) =>
              log.error("{method} failed: {error}", { method, error: messageOf(error) }),
            onDenied: (_method, identity, reason) =>
              noted(auth.audit.emit({
                event: "auth",
                success: false,
                user: describe(identity),
                error: reason,
                "addr.remote": connection.remote.address,
              })),
          });
      }
      const { identity } = connection;
      if (name.startsWith(RECORDING) && identity.kind === "host" && identity.role !== "auth") {
        return (channel) => auth.receiver.receive(channel, name.slice(RECORDING.length), identity);
      }
      return undefined;
    },
  });
  return new SshServer<Identity>({
    hostCredential,
    authenticator: authenticator(auth),
    routes: { session },
    limits: {
      ...limits,
      maxSessionsPerConnection: MAX_RECORDINGS,
      maxChannelsPerConnection: MAX_RECORDINGS,
    },
    clock: auth.clock,
    hasMembers: true,
    visitorOf: (identity) => ({
      user: identity.kind === "user" ? `${identity.name}@${identity.cluster}` : undefined,
      isMember: identity.kind === "host",
    }),
    onRefused(remote, reason) {
      log.debug("{address} refused: {reason}", { address: remote.address, reason });
      refused.note(remote.address, reason);
    },
  });
}

/** A node ships the recordings of all its running sessions over one connection. */
const MAX_RECORDINGS = 4096;

/** Goes on without waiting for an event; that the log cannot be written must not end the process. */
function noted(event: Promise<void>): void {
  event.catch((error) => log.error("an audit event was lost: {error}", { error: messageOf(error) }));
}

function authenticator(auth: AuthService): Authenticator<Identity> {
  const refused = async (username: string, address: string, error: unknown): Promise<void> => {
    if (!isAppError(error)) return;
    const user = username.replace(/[^\w.@+-]/g, "?").slice(0, 128);
    await auth.audit.emit({
      event: "auth",
      success: false,
      user,
      "addr.remote": address,
      error: error.message,
    });
  };
  return {
    async certificate(attempt) {
      try {
        return identify(attempt, auth.trust, auth.clock.now());
      } catch (error) {
        await refused(attempt.username, attempt.remote.address, error);
        throw error;
      }
    },
    async dialog(dialog) {
      try {
        if (dialog.username !== JOIN_USER) {
          throw new AppError("unauthenticated", "only joining hosts log in by dialog");
        }
        return await proveJoin(dialog, auth.tokens);
      } catch (error) {
        await refused(dialog.username, dialog.remote.address, error);
        throw error;
      }
    },
    onUnproven({ username, reason, remote }) {
      noted(refused(username, remote.address, new AppError("unauthenticated", reason)));
    },
    onOtherMethod({ username, method, remote }) {
      const error = new AppError("unauthenticated", `${method} is not accepted, only certificates`);
      noted(refused(username, remote.address, error));
    },
  };
}

function identify(attempt: CertificateAttempt, trust: Trust, now: number): Identity {
  const { certificate, username, remote } = attempt;
  const identity = certificate.kind === "host"
    ? identifyHost(certificate, { trust, now })
    : identifyUser(certificate, { trust, now, address: remote.address, via: remote.via });
  if (identity.kind === "user" && identity.forceCommand !== undefined) {
    throw new AppError("unauthenticated", "a certificate that forces a command does not open the API");
  }
  const name = identity.kind === "host" ? identity.hostId : certificate.keyId;
  if (name !== username) {
    throw new AppError("unauthenticated", "the login name differs from the certificate's");
  }
  return identity;
}
