/**
 * What every session on a node needs to know.
 * @module
 */
import type { ClusterAccess } from "../api/cluster_access.ts";
import type { Trust } from "../api/identity.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { SessionHost } from "../session/session_request.ts";
import type { ServerConnection } from "../ssh/server.ts";
import type { OwnProgram } from "./os/launch.ts";
import type { Pam } from "./pam/pam.ts";

export interface NodeContext extends SessionHost {
  hostId: string;
  name: string;
  trust(): Trust;
  /** What users may do. */
  access: Pick<ClusterAccess, "admit" | "decide">;
  /** This node's labels at the moment. */
  labels(): Readonly<Record<string, string>>;
  /** Whether the client comes by way of a proxy that records what it does. */
  isRecordedByProxy(connection: NodeConnection): boolean;
  /** `host:port` of the web proxy, if known. */
  webProxy(): string | undefined;
  permitUserEnv: boolean;
  /** How many audit events wait to be sent. */
  waitingEvents(): number;
  /** Sessions of PAM, if it is on. */
  pam?: Pam;
  /** The program of ours that serves files. */
  filesProgram: OwnProgram;
}

export type NodeConnection = ServerConnection<UserIdentity>;

/** The fields that every event of a connection carries. */
export function connectionFields(node: NodeContext, connection: NodeConnection) {
  return {
    user: connection.identity.name,
    login: connection.username,
    namespace: "default",
    server_id: node.hostId,
    "addr.local": endpoint(connection.local),
    "addr.remote": endpoint(connection.remote),
  };
}

function endpoint({ address, port }: { address: string; port: number }): string {
  const plain = address.replace(/^::ffff:/, "");
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}
