/**
 * Who asks this proxy to stand in for a host, and what the one that does so has around it.
 * @module
 */
import type { ClusterAccess } from "../../api/cluster_access.ts";
import type { Trust } from "../../api/identity.ts";
import type { LiveAccess } from "../../api/live_access.ts";
import type { RefusedClients } from "../../api/refused_clients.ts";
import { formatHostPort } from "../../base/dial.ts";
import type { UserIdentity } from "../../model/identity.ts";
import type { SessionHost } from "../../session/session_request.ts";
import type { Agent } from "../../ssh/agent.ts";
import type { Certificate } from "../../ssh/certificate.ts";
import type { Endpoint, HostCredential, ServerConnection } from "../../ssh/server.ts";
import type { Target } from "../route.ts";

/** A client that is logged in to the proxy, be it over SSH or in a browser. */
export interface ProxyClient {
  /** Undefined for a client of another cluster, whose proxy knows who it is: here the certificate in its SSH tells. */
  readonly identity: UserIdentity | undefined;
  readonly remote: Endpoint;
  /** The agent that it lends to the proxy; without one it has to lend one in the session with the host. */
  readonly agent: Agent | undefined;
}

/** Somebody who has logged in to the host that this proxy stands in for. */
export interface Visitor {
  /** With the permits that the roles still give. */
  readonly identity: UserIdentity;
  /** As the certificate has it. */
  readonly certified: UserIdentity;
  readonly certificate: Certificate;
}

/** The connection in which it did. */
export type InnerConnection = ServerConnection<Visitor>;

export interface Surroundings extends SessionHost {
  readonly access: ClusterAccess;
  readonly live: LiveAccess;
  readonly refused: RefusedClients;
  trust(): Trust;
  /** This proxy's own. */
  credential(): HostCredential;
  checkHostKeys(): boolean;
  /** This proxy's id. */
  readonly hostId: string;
  /** The sessions that have not come to their end, with all that is told of it. */
  readonly running: Set<Promise<void>>;
}

/** What every event about a connection carries. Who reports it is the proxy, and is its server. */
export function eventFields(
  { hostId }: Pick<Surroundings, "hostId">,
  { remote }: ProxyClient,
  connection: InnerConnection,
  target: Target | undefined,
) {
  return {
    user: connection.identity.identity.name,
    login: connection.username,
    namespace: "default",
    server_id: hostId,
    name: target && nameOf(target),
    "addr.local": target?.address,
    "addr.remote": formatHostPort({ host: remote.address.replace(/^::ffff:/, ""), port: remote.port }),
  };
}

/** What people call the host. */
export function nameOf({ node, host }: Target): string {
  return node?.name ?? host;
}
