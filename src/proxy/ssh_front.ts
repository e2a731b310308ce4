/**
 * The proxy's SSH face on port 3023: certificates only; the subsystems `proxy:...` and `proxysites`, and `direct-tcpip`
 * to nodes so that `ssh -J` works. No shell, no command, nothing else. Where proxies record, what a client gets in these
 * two ways is not the host, but this proxy in its place (`recording/forwarder.ts`).
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { ClusterAccess } from "../api/cluster_access.ts";
import { HOST_AUTHORITIES } from "../api/host_authorities.ts";
import { claimedName, identifyUser, type Trust } from "../api/identity.ts";
import { type LiveAccess, unlessDropped } from "../api/live_access.ts";
import type { RefusedClients } from "../api/refused_clients.ts";
import type { Clock } from "../base/clock.ts";
import { formatHostPort } from "../base/dial.ts";
import { joinStreams } from "../base/duplex.ts";
import { AppError, isAppError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { EventFields } from "../model/event.ts";
import type { UserIdentity } from "../model/identity.ts";
import { type HostCredential, type ServerConnection, type ServerLimits, SshServer } from "../ssh/server.ts";
import { failSession, type ServerSessionChannel, type SessionHandlers } from "../ssh/server_session.ts";
import { type Agent, AgentClient } from "../ssh/agent.ts";
import type { Passage } from "./passage.ts";
import { attemptToConnect, refusedLogin } from "./connect_attempt.ts";
import { siteList } from "./tunnels/site_list.ts";
import type { ClusterLinks } from "./tunnels/links.ts";
import { type Destination, parseDestination, type Router } from "./route.ts";

const log = logger("proxy");
const PROXY = "proxy:";
/** Clients ask by it whether this proxy records, and so needs their agent; the answer is `true` or `false`. */
const RECORDING_PROXY = "recording-proxy@teleport.com";

export interface ProxyFrontOptions {
  hostCredential: HostCredential;
  trust(): Trust;
  /** While the host CA is rotated: its keys as clients can believe them. */
  signedHostAuthorities(): Uint8Array | undefined;
  /** What users may do. */
  access: ClusterAccess;
  live: LiveAccess;
  router: Router;
  /** The other clusters. */
  links: Pick<ClusterLinks, "sites">;
  passage: Passage;
  clock: Clock;
  limits?: Partial<ServerLimits>;
  /** Reports an audit event. */
  emit(event: EventFields): void;
  refused: RefusedClients;
}

export function proxySshServer(options: ProxyFrontOptions): SshServer<UserIdentity> {
  const { trust, access, router, passage, clock, emit, links } = options;

  /** @param agent what the client lends to this proxy */
  const connect = async (
    connection: ServerConnection<UserIdentity>,
    destination: Destination,
    agent?: Agent,
    mayLendLater = false,
  ): Promise<Duplex> => {
    const { identity, username, remote } = connection;
    const attempt = {
      identity,
      login: username,
      remote,
      addr: destinationText(destination),
      // Where this proxy stands in for the host, it tells what becomes of the connection to that when there is one.
      toldElsewhere: destination.kind === "node" && passage.records,
    };
    return await attemptToConnect(
      options,
      attempt,
      (visible) =>
        destination.kind === "node"
          ? passage.open({ identity, remote, agent }, destination, visible, mayLendLater)
          : router.connect(destination, remote, visible),
    );
  };

  /** @param lent whether the session lends the client's agent */
  const relay = async (
    connection: ServerConnection<UserIdentity>,
    channel: ServerSessionChannel,
    text: string,
    lent: boolean,
  ): Promise<void> => {
    const agent = lent ? new AgentClient(() => connection.openAgent()) : undefined;
    const target = await connect(connection, parseDestination(text), agent);
    await joinStreams(channel, target);
  };

  const session = (connection: ServerConnection<UserIdentity>): SessionHandlers => {
    let lent = false;
    return {
      env: () => true, // OpenSSH sends LANG and the like; nothing is done with it here
      agent() {
        if (!passage.records) {
          throw new AppError("unsupported", "this proxy does not use agents: no session is recorded here");
        }
        lent = true;
      },
      subsystem(name) {
        if (name.startsWith(PROXY)) {
          return (channel) => relay(connection, channel, name.slice(PROXY.length), lent);
        }
        if (name === "proxysites") {
          return (channel) => {
            const sites = siteList(trust().cluster, passage.records, links, clock);
            channel.write(`${JSON.stringify(sites)}\n`);
            channel.exit(0);
            channel.end();
          };
        }
        return undefined;
      },
      shell: (channel) =>
        failSession(channel, "this is a proxy; log in to a node through it: tsh ssh user@node"),
      exec: (channel) =>
        failSession(channel, "this is a proxy and runs no commands; use tsh ssh user@node command"),
    };
  };

  return new SshServer<UserIdentity>({
    hostCredential: options.hostCredential,
    limits: options.limits,
    clock,
    visitorOf: ({ name, cluster }) => ({ user: `${name}@${cluster}` }),
    routes: {
      session,
      // With ssh -J there is no session with the proxy that could lend an agent.
      directTcpip: (connection, { host, port }) =>
        connect(connection, { kind: "node", host, port }, undefined, true),
      answer: (_, name) => name === RECORDING_PROXY ? Buffer.from(String(passage.records)) : undefined,
    },
    authenticator: {
      async certificate({ certificate, username, remote, proven }) {
        try {
          const address = remote.address;
          const user = identifyUser(certificate, {
            trust: trust(),
            now: clock.now(),
            address,
            login: username,
          });
          await access.admit(user, () => undefined);
          if (proven) log.debug("{user} logged in from {address}", { user: user.name, address });
          return user;
        } catch (error) {
          if (isAppError(error)) {
            emit(refusedLogin(claimedName(certificate, trust()), username, remote.address, error));
          }
          throw error;
        }
      },
      onUnproven({ username, reason, remote }) {
        emit(refusedLogin(username, username, remote.address, new AppError("unauthenticated", reason)));
      },
      onOtherMethod({ username, method, remote }) {
        const error = new AppError("unauthenticated", `${method} is not accepted, only certificates`);
        emit(refusedLogin(username, username, remote.address, error));
      },
    },
    onConnection: (connection) => {
      if (connection.isOurs) {
        const signed = options.signedHostAuthorities();
        if (signed) connection.tell(HOST_AUTHORITIES, signed);
      }
      options.live.add({
        identity: connection.identity,
        closed: connection.closed,
        check: unlessDropped(connection.identity, trust, () => undefined),
        end: (reason) => {
          emit({
            event: "client.disconnect",
            user: connection.identity.name,
            login: connection.username,
            "addr.remote": connection.remote.address,
            reason,
          });
          connection.close();
        },
      });
    },
    onRefused(remote, reason) {
      log.debug("{address} refused: {reason}", { address: remote.address, reason });
      options.refused.note(remote.address, reason);
    },
  });
}

function destinationText(destination: Destination): string {
  const { cluster } = destination;
  if (destination.kind === "auth") return `auth of ${cluster}`;
  return `${formatHostPort(destination)}${cluster === undefined ? "" : `@${cluster}`}`;
}
