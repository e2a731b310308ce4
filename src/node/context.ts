/**
 * What every session on a node needs to know.
 * @module
 */
import type { ClusterAccess } from "../api/cluster_access.ts";
import type { Trust } from "../api/identity.ts";
import type { Clock } from "../base/clock.ts";
import type { EventFields } from "../model/event.ts";
import type { RecordingPolicy } from "../model/recording_policy.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { Spool } from "../session/spool.ts";
import type { ServerConnection } from "../ssh/server.ts";
import type { LiveSessions } from "./live_sessions.ts";
import type { SessionJournal } from "./session_journal.ts";
import type { OwnProgram } from "./os/launch.ts";

export interface NodeContext {
  hostId: string;
  name: string;
  clock: Clock;
  trust(): Trust;
  /** What users may do. */
  access: Pick<ClusterAccess, "admit" | "decide">;
  /** This node's labels at the moment. */
  labels(): Readonly<Record<string, string>>;
  /** Reports an audit event. */
  emit(event: EventFields): void;
  /** What is recorded. */
  recording(): RecordingPolicy;
  spool: Spool;
  /** What a crash must not make forget. */
  journal: SessionJournal;
  /** The sessions on terminals that run here. */
  sessions: LiveSessions;
  /** `host:port` of the web proxy, if known. */
  webProxy(): string | undefined;
  permitUserEnv: boolean;
  /** How many audit events wait to be sent. */
  waitingEvents(): number;
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
