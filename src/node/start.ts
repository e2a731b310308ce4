/**
 * The node role, put together: membership, recording spool, labels, SSH front.
 * @module
 */
import type { Socket } from "node:net";
import { type BalancerChoice, findBalancedClient } from "../api/balancers.ts";
import type { ClusterAccess } from "../api/cluster_access.ts";
import { FIRST_BYTES_MS, readClientAddressLine, verifyClientAddressLine } from "../api/client_address.ts";
import { adoptEvents, eventSpool } from "../api/event_journal.ts";
import { EventQueue } from "../api/event_queue.ts";
import { LiveAccess } from "../api/live_access.ts";
import { type MemberSettings, openClusterAccess, startMembership } from "../api/member_role.ts";
import type { Membership } from "../api/membership.ts";
import type { Clock } from "../base/clock.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import type { RateRule } from "../base/rate_limit.ts";
import type { RunningRole } from "../base/role.ts";
import { RunFolder } from "../base/run_folder.ts";
import type { SshServer } from "../ssh/server.ts";
import { Spool } from "../session/spool.ts";
import type { UserIdentity } from "../model/identity.ts";
import { DEFAULT_POLICY } from "../model/recording_policy.ts";
import type { NodeContext } from "./context.ts";
import { removeStaleAgents } from "./forwarding/agent_socket.ts";
import { type CommandLabel, Labels } from "./labels.ts";
import { LiveSessions } from "./live_sessions.ts";
import type { OwnProgram } from "./os/launch.ts";
import { adoptSessions, openJournal } from "./session_journal.ts";
import { spoolFiles } from "./spool_files.ts";
import { runningSessions } from "./session.ts";
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
}

export async function startNode(settings: NodeSettings, files: Files, clock: Clock): Promise<RunningRole> {
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
  await labels.start();
  const around = { settings, files, clock, log };
  const member = membership = await startMembership(around, {
    role: "node",
    publicNames: [],
    announcement: () => ({ address: settings.address, labels: labels.current() }),
    onChanged: async (collection) => {
      if (collection === "sessions") return await sessions?.announceNow();
      if (collection === "users" || collection === "roles") {
        await access?.refresh();
        sessions?.checkGuests();
      }
      if (collection !== "servers" || !membership) return;
      const { sessionRecording: by, recordingMode: mode, recordCommands: commands } = await membership.auth
        .call("cluster.get", {});
      recording = { by, mode: mode ?? DEFAULT_POLICY.mode, commands: commands ?? DEFAULT_POLICY.commands };
      webProxy = (await membership.auth.call("proxies.addresses", {}))[0]?.web;
    },
    onRenewed: (credentials) => server?.setHostCredential(credentials),
  });
  const warn = (text: string) => log.warn("{text}", { text });
  const run = await RunFolder.open(`${directory}/runs`);
  const known = access = await openClusterAccess(around, member);
  const events = new EventQueue(member.auth, clock, eventSpool(files, run.path), warn);
  const openSpool = (folder: string) =>
    Spool.open({
      directory: `${folder}/recordings`,
      files: spoolFiles,
      clock,
      sealer: () => member.credentials,
      openUpload: async (sid) => (await member.auth.subsystem(`recording:${sid}`)).stream,
      warn,
    });
  const spool = await openSpool(run.path);
  /** The recordings of earlier runs, by folder, until auth has them. */
  const left = new Map<string, Spool>();
  await run.adopt(clock, async (folder) => {
    await adoptEvents(files, folder, events);
    await adoptSessions(files, folder, (event) => events.emit(event));
    const spool = await openSpool(folder);
    left.set(folder, spool);
    await spool.recover();
    await spool.settled();
    left.delete(folder);
  }, warn);

  const processId = crypto.randomUUID();
  const live = sessions = new LiveSessions({
    clock,
    announce: async (sessions) =>
      (await member.auth.call("sessions.announce", { run: processId, sessions })).end,
  });
  removeStaleAgents(hostId);
  const context: NodeContext = {
    hostId,
    name,
    clock,
    trust: () => member.trust,
    access: known,
    labels: () => labels.current(),
    emit: (event) => events.emit(event),
    recording: () => recording,
    spool,
    journal: await openJournal(files, run.path, warn),
    sessions: live,
    webProxy: () => webProxy,
    permitUserEnv: settings.permitUserEnv,
    waitingEvents: () => events.waiting,
    filesProgram: settings.filesProgram,
  };
  const liveAccess = new LiveAccess(known, clock);
  const balanced = findBalancedClient(settings.proxyProtocol);
  server = nodeSshServer(context, member.credentials, settings.limits, liveAccess);
  const relayed = async (socket: Socket) => {
    const told = await balanced?.(socket);
    const line = await readClientAddressLine(socket, FIRST_BYTES_MS);
    return line ? verifyClientAddressLine(line, hostId, member.trust, clock) : told;
  };
  const listener = await listenOn(settings.socket, (socket) => server.accept(socket, () => relayed(socket)));

  const allSpools = () => [spool, ...left.values()];
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
        recordings_waiting: allSpools().reduce((sum, { shipping }) => sum + shipping, 0),
        spool_bytes: allSpools().reduce((sum, { size }) => sum + size, 0),
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
      await Promise.all(allSpools().map((spool) => spool.close()));
      await run.close();
      member.stop();
    },
  };
}
