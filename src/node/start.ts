/**
 * The node role, put together: membership, recording spool, labels, SSH front.
 * @module
 */
import type { Socket } from "node:net";
import { type BalancerChoice, findBalancedClient } from "../api/balancers.ts";
import type { ClusterAccess } from "../api/cluster_access.ts";
import {
  type ClientAddress,
  FIRST_BYTES_MS,
  readClientAddressLine,
  verifyClientAddressLine,
} from "../api/client_address.ts";
import { eventSpool } from "../api/event_journal.ts";
import { EventQueue } from "../api/event_queue.ts";
import { LiveAccess } from "../api/live_access.ts";
import {
  authServersOf,
  type MemberSettings,
  openClusterAccess,
  startMembership,
} from "../api/member_role.ts";
import { recordingPolicy, RecordingRole } from "../api/recording_role.ts";
import type { Membership } from "../api/membership.ts";
import type { Clock } from "../base/clock.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import type { RateRule } from "../base/rate_limit.ts";
import type { Outside, RunningRole } from "../base/role.ts";
import { RunFolder } from "../base/run_folder.ts";
import type { SshServer } from "../ssh/server.ts";
import type { LiveSessions } from "../session/live_sessions.ts";
import type { UserIdentity } from "../model/identity.ts";
import { DEFAULT_POLICY } from "../model/recording_policy.ts";
import { connectionFields, type NodeContext } from "./context.ts";
import { removeStaleAgents } from "./forwarding/agent_socket.ts";
import { type CommandLabel, Labels } from "./labels.ts";
import type { OwnProgram } from "./os/launch.ts";
import { runningSessions } from "./session.ts";
import { checkPam, Pam, type PamSettings } from "./pam/pam.ts";
import { nodeSshServer } from "./ssh_front.ts";

const log = logger("node");
const STOP_SESSIONS_MS = 300;
const STOP_EVENTS_MS = 800;

/** What the supervisor tells the node role; plain data. */
export interface NodeSettings extends MemberSettings {
  /** The listening socket. */
  socket: number;
  /** `host:port` as announced. */
  address: string;
  labels: { fixed: Record<string, string>; commands: CommandLabel[] };
  permitUserEnv: boolean;
  limits: { maxConnections: number; maxUsers: number; rates: RateRule[] };
  /** Whose PROXY headers are believed. */
  proxyProtocol: BalancerChoice;
  /** The program of ours that serves files. */
  filesProgram: OwnProgram;
  /** Absent when PAM is off. */
  pam?: PamSettings;
}

export async function startNode(
  settings: NodeSettings,
  files: Files,
  clock: Clock,
  outside: Pick<Outside, "keepAuthServers">,
): Promise<RunningRole> {
  const { directory, hostId, name } = settings;
  const labels = new Labels(
    settings.labels.fixed,
    settings.labels.commands,
    clock,
    () => void membership?.announceNow(),
  );
  let membership: Membership | undefined;
  let access: ClusterAccess | undefined;
  let sessions: LiveSessions | undefined;
  let recording = DEFAULT_POLICY; // until auth says otherwise: fail closed
  let webProxy: string | undefined;
  // deno-lint-ignore prefer-const -- a callback names it before it can be made
  let server: SshServer<UserIdentity> | undefined;
  if (settings.pam) checkPam(settings.pam.service);
  await labels.start();
  const around = { settings, files, clock, log, authServers: authServersOf(settings, clock), outside };
  const member = membership = await startMembership(around, {
    role: "node",
    publicNames: [],
    announcement: () => ({ address: settings.address, labels: labels.current() }),
    onChanged: async (collection) => {
      if (collection === "sessions") return await sessions?.announceNow();
      if (collection === "authorities") access?.onChange(); // certificates of a dropped one open nothing any more
      if (collection === "users" || collection === "roles") {
        await access?.refresh();
        sessions?.checkGuests();
      }
      if (collection !== "servers" || !membership) return;
      recording = recordingPolicy(await membership.auth.call("cluster.get", {}));
      webProxy = (await membership.auth.call("proxies.addresses", {}))[0]?.web;
    },
    onRenewed: (credentials) => server?.setHostCredential(credentials),
  });
  const warn = (text: string) => log.warn("{text}", { text });
  const run = await RunFolder.open(`${directory}/runs`);
  const known = access = await openClusterAccess(around, member);
  const events = new EventQueue(member.auth, clock, eventSpool(files, run.path), warn);
  const recorded = await RecordingRole.open({ member, events, run, files, clock, warn });
  const live = sessions = recorded.sessions;
  removeStaleAgents(hostId);
  /** The clients whose proxy records what they do. */
  const recordedByProxy = new WeakSet<ClientAddress>();
  const context: NodeContext = {
    hostId,
    name,
    clock,
    trust: () => ({ ...member.trust, foreign: known.foreign }),
    access: known,
    labels: () => labels.current(),
    emit: (event) => events.emit(event),
    recordsAs: "node",
    recording: () => recording,
    spool: recorded.spool,
    journal: recorded.journal,
    sessions: live,
    isRecordedByProxy: ({ remote }) => recordedByProxy.has(remote),
    webProxy: () => webProxy,
    permitUserEnv: settings.permitUserEnv,
    waitingEvents: () => events.waiting,
    filesProgram: settings.filesProgram,
    pam: settings.pam && new Pam({
      ...settings.pam,
      clock,
      onRefused: (connection, error) =>
        events.emit({ event: "auth", success: false, ...connectionFields(context, connection), error }),
    }),
  };
  const liveAccess = new LiveAccess(known, clock);
  const balanced = findBalancedClient(settings.proxyProtocol);
  server = nodeSshServer(context, member.credentials, settings.limits, liveAccess);
  const relayed = async (socket: Socket) => {
    const told = await balanced?.(socket);
    const line = await readClientAddressLine(socket, FIRST_BYTES_MS);
    if (!line) return told;
    const client = verifyClientAddressLine(line, hostId, member.trust, clock);
    if (client.recorded) recordedByProxy.add(client);
    return client;
  };
  const listener = await listenOn(settings.socket, (socket) => server.accept(socket, () => relayed(socket)));

  return {
    drain() {
      listener.close();
      member.stopAnnouncing();
    },
    state: () => ({
      clients: server.connections.size + server.waiting,
      authConnected: member.auth.connected,
      counts: {
        connections: server.connections.size,
        logging_in: server.waiting,
        sessions: runningSessions(),
        events_waiting: events.waiting,
        events_lost: events.lost,
        ...recorded.counts(),
      },
    }),
    async stop() {
      listener.close();
      live.stop();
      await server.close(STOP_SESSIONS_MS); // a closed session ends its programs; after this nobody could
      labels.stop();
      liveAccess.stop();
      known.close();
      await events.stop(STOP_EVENTS_MS);
      await recorded.close();
      await run.close();
      member.stop();
    },
  };
}
