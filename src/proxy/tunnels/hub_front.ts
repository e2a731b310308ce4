/**
 * The proxy's face to other clusters, on port 3024: proxies of clusters that are paired with this one log in with their
 * host certificates, and then only wait for what this proxy opens. No session, no forwarding, nothing of this cluster.
 * @module
 */
import { identifyHost } from "../../api/identity.ts";
import type { RefusedClients } from "../../api/refused_clients.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { EXTENSION } from "../../model/authority.ts";
import type { EventFields } from "../../model/event.ts";
import type { HostIdentity } from "../../model/identity.ts";
import { TUNNEL } from "../../model/limits.ts";
import { printable, type PublicKey } from "../../ssh/public_key.ts";
import {
  type HostCredential,
  type ServerConnection,
  type ServerLimits,
  SshServer,
} from "../../ssh/server.ts";
import type { CertificateAttempt } from "../../ssh/server_authentication.ts";
import { failSession, type SessionHandlers } from "../../ssh/server_session.ts";
import { refusedLogin } from "../connect_attempt.ts";

const log = logger("tunnel");
const WRONG_PORT = "Cannot open new SSH session on reverse tunnel. Are you connecting to the right port?";
/** Every connection of a user into another cluster is a channel. */
const MAX_CHANNELS = 8192;

export interface HubFrontOptions {
  hostCredential: HostCredential;
  /** The host CA of a cluster that is paired with this one; undefined for any other. */
  hostKeysOf(cluster: string): readonly PublicKey[] | undefined;
  clock: Clock;
  limits?: Partial<ServerLimits>;
  /** Reports an audit event. */
  emit(event: EventFields): void;
  refused: RefusedClients;
  onTunnel(connection: ServerConnection<HostIdentity>): void;
}

export function hubSshServer(options: HubFrontOptions): SshServer<HostIdentity> {
  const { clock, emit } = options;
  const wrong: SessionHandlers = {
    shell: (channel) => failSession(channel, WRONG_PORT),
    exec: (channel) => failSession(channel, WRONG_PORT),
    subsystem: () => (channel) => Promise.resolve(failSession(channel, WRONG_PORT)),
  };
  return new SshServer<HostIdentity>({
    hostCredential: options.hostCredential,
    clock,
    limits: {
      ...options.limits,
      maxSessionsPerConnection: 1,
      maxChannelsPerConnection: MAX_CHANNELS,
      keepAliveMs: TUNNEL.heartbeat,
    },
    routes: { session: () => wrong },
    authenticator: {
      certificate: (attempt) => {
        const { certificate, username, remote } = attempt;
        try {
          return identifyProxy(attempt, options);
        } catch (error) {
          if (isAppError(error)) emit(refusedLogin(certificate.keyId, username, remote.address, error));
          throw error;
        }
      },
      onUnproven({ username, reason, remote }) {
        emit(refusedLogin(username, username, remote.address, new AppError("unauthenticated", reason)));
      },
      onOtherMethod({ username, method, remote }) {
        const error = new AppError("unauthenticated", `${method} is not accepted, only host certificates`);
        emit(refusedLogin(username, username, remote.address, error));
      },
    },
    onConnection: (connection) => options.onTunnel(connection),
    onRefused(remote, reason) {
      log.debug("{address} refused: {reason}", { address: remote.address, reason });
      options.refused.note(remote.address, reason);
    },
  });
}

/** @throws {AppError} unauthenticated unless it is the certificate of a paired cluster's proxy */
function identifyProxy(
  { certificate, username }: CertificateAttempt,
  { hostKeysOf, clock }: HubFrontOptions,
): HostIdentity {
  if (certificate.kind !== "host") {
    throw new AppError("unauthenticated", "this port is for tunnels of other clusters, not for users");
  }
  const cluster = certificate.extensions.get(EXTENSION.cluster) ?? "";
  const host = hostKeysOf(cluster);
  if (!host) {
    throw new AppError("unauthenticated", `no cluster "${printable(cluster)}" is paired with this one`);
  }
  const identity = identifyHost(certificate, {
    trust: { cluster, host },
    now: clock.now(),
    roles: ["proxy"],
  });
  if (username !== tunnelUser(identity)) {
    throw new AppError("unauthenticated", "the login name differs from the certificate's");
  }
  return identity;
}

/** As whom a proxy logs in to a tunnel port. */
export function tunnelUser({ hostId, cluster }: { hostId: string; cluster: string }): string {
  return `${hostId}.${cluster}`;
}
