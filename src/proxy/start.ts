/**
 * The proxy role, put together: membership, node directory, SSH front, web front.
 * @module
 */
import { type BalancerChoice, findBalancedClient } from "../api/balancers.ts";
import { Buffer } from "node:buffer";
import type { ClusterAccess } from "../api/cluster_access.ts";
import { LiveAccess } from "../api/live_access.ts";
import { RefusedClients } from "../api/refused_clients.ts";
import { type MemberSettings, openClusterAccess, startMembership } from "../api/member_role.ts";
import { recordingPolicy, RecordingRole } from "../api/recording_role.ts";
import { eventSpool } from "../api/event_journal.ts";
import { EventQueue } from "../api/event_queue.ts";
import type { Clock } from "../base/clock.ts";
import { dialAny, dialTcp, formatHostPort, type HostPort } from "../base/dial.ts";
import { messageOf } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import type { RateRule } from "../base/rate_limit.ts";
import type { RunningRole } from "../base/role.ts";
import { RunFolder } from "../base/run_folder.ts";
import type { UserIdentity } from "../model/identity.ts";
import { facetsOf } from "../model/security_key.ts";
import { MIN_CLIENT_VERSION, VERSION } from "../model/version.ts";
import type { SshServer } from "../ssh/server.ts";
import { ApiGateway } from "./auth_gateway.ts";
import { NodeDirectory } from "./node_directory.ts";
import { Passage } from "./passage.ts";
import { Forwarder } from "./recording/forwarder.ts";
import { TargetCertificates } from "./recording/target_certificates.ts";
import { Router } from "./route.ts";
import { proxySshServer } from "./ssh_front.ts";
import { webApp } from "./web/app.ts";
import { serveHttps } from "./web/server.ts";
import { WebInterface } from "./web/web_interface.ts";
import type { UiBundle } from "./web/ui_bundle.ts";
import type { PingReply } from "./web/webapi.ts";
import { webCertificate } from "./web_certificate.ts";

const log = logger("proxy");
/** Nodes end a user's sessions first, and say why; what is still there after this, the proxy cuts. */
const AFTER_NODES_MS = 3000;
const STOP_EVENTS_MS = 700;
const STOP_SESSIONS_MS = 300;

/** What the supervisor tells the proxy role; plain data. */
export interface ProxySettings extends MemberSettings {
  /** Names of the certificates, host and web. */
  publicNames: string[];
  /** Listening sockets. */
  sockets: { ssh: number; web: number };
  /** What users are told. */
  addresses: { web: HostPort; ssh: HostPort; tunnel: HostPort };
  tls: boolean;
  https?: { keyFile: string; certFile: string };
  allowUnregisteredNodes: boolean;
  /** The web interface, where it was built. */
  ui?: UiBundle;
  limits: { maxConnections: number; maxUsers: number; rates: RateRule[] };
  /** Whose PROXY headers are believed. */
  proxyProtocol: BalancerChoice;
}

export async function startProxy(settings: ProxySettings, files: Files, clock: Clock): Promise<RunningRole> {
  const { directory, addresses } = settings;
  const dialAuth = dialAny(settings.authServers);
  const web = {
    web: formatHostPort(addresses.web),
    ssh: formatHostPort(addresses.ssh),
    tunnel: formatHostPort(addresses.tunnel),
  };
  let directoryOfNodes: NodeDirectory | undefined;
  let access: ClusterAccess | undefined;
  let front: SshServer<UserIdentity> | undefined;
  let webInterface: WebInterface | undefined;
  let recorded: RecordingRole | undefined;
  // deno-lint-ignore prefer-const -- a callback names it before it can be made
  let learnPolicy: (() => Promise<void>) | undefined;
  const around = { settings, files, clock, log };
  const membership = await startMembership(around, {
    role: "proxy",
    publicNames: settings.publicNames,
    announcement: () => ({ address: web.ssh, labels: {}, proxy: web }),
    onChanged: async (collection) => {
      const checked = webInterface?.onChanged(collection);
      if (collection === "sessions") await recorded?.sessions.announceNow();
      if (collection === "authorities") access?.onChange(); // certificates of a dropped one open nothing any more
      if (collection === "servers") {
        await directoryOfNodes?.refresh();
        await learnPolicy?.();
      }
      if (collection === "users" || collection === "roles") {
        await access?.refresh();
        recorded?.sessions.checkGuests();
      }
      await checked;
    },
    onRenewed: (credentials) => front?.setHostCredential(credentials),
  });
  const nodes = directoryOfNodes = new NodeDirectory(membership.auth);
  const warn = (text: string) => log.warn("{text}", { text });
  const known = access = await openClusterAccess(around, membership);
  const live = new LiveAccess(known, clock, AFTER_NODES_MS);
  const run = await RunFolder.open(`${directory}/runs`);
  const events = new EventQueue(membership.auth, clock, eventSpool(files, run.path), warn);
  const sessions = recorded = await RecordingRole.open({
    member: membership,
    events,
    run,
    files,
    clock,
    warn,
  });
  const refused = new RefusedClients(clock, (event) => events.emit(event));
  let cluster = await membership.auth.call("cluster.get", {});
  learnPolicy = async () => void (cluster = await membership.auth.call("cluster.get", {}));

  const balanced = findBalancedClient(settings.proxyProtocol);

  const router = new Router({
    cluster: () => membership.trust.cluster,
    directory: nodes,
    credentials: () => membership.credentials,
    dial: dialTcp,
    dialAuth,
    clock,
    allowUnregistered: settings.allowUnregisteredNodes,
  });
  const forwarder = new Forwarder(
    {
      recordsAs: "proxy",
      recording: () => recordingPolicy(cluster),
      spool: sessions.spool,
      journal: sessions.journal,
      sessions: sessions.sessions,
      clock,
      access: known,
      live,
      refused,
      emit: (event) => events.emit(event),
      trust: () => membership.trust,
      credential: () => membership.credentials,
      hostId: settings.hostId,
      running: new Set(),
      checkHostKeys: () => cluster.proxiesCheckHostKeys ?? true,
    },
    new TargetCertificates({ api: membership.auth, credentials: () => membership.credentials, clock }),
  );
  const passage = new Passage({
    router,
    forwarder,
    records: () => cluster.sessionRecording === "proxy",
    hostId: settings.hostId,
  });
  const ssh = front = proxySshServer({
    passage,
    hostCredential: membership.credentials,
    trust: () => membership.trust,
    signedHostAuthorities: () => {
      const { signedKeys } = membership.credentials.authorities.find(({ kind }) => kind === "host") ?? {};
      return signedKeys === undefined ? undefined : Buffer.from(signedKeys, "base64");
    },
    access: known,
    live,
    clock,
    limits: settings.limits,
    emit: (event) => events.emit(event),
    refused,
    router,
  });
  const sshListener = await listenOn(
    settings.sockets.ssh,
    (socket) => ssh.accept(socket, balanced && (() => balanced(socket))),
  );

  const tls = settings.tls
    ? await webCertificate({
      files,
      clock,
      directory,
      configured: settings.https,
      names: settings.publicNames,
      warn,
    })
    : undefined;
  const ping = (): PingReply => ({
    auth: {
      type: "local",
      second_factor: cluster.secondFactor,
      ...(cluster.securityKeys
        ? { u2f: { app_id: cluster.securityKeys.appId, facets: facetsOf(cluster.securityKeys) } }
        : {}),
    },
    proxy: { ssh: { listen_addr: web.ssh, public_addr: web.ssh } },
    cluster_name: cluster.name,
    host_authorities: membership.trust.host.map((key) => key.toLine()),
    user_authorities: membership.trust.user.map((key) => key.toLine()),
    server_version: VERSION,
    min_client_version: MIN_CLIENT_VERSION,
  });
  const signedIn = webInterface = new WebInterface({
    api: membership.auth,
    trust: () => membership.trust,
    access: known,
    live,
    router,
    passage,
    ping,
    clock,
    warn,
    emit: (event) => events.emit(event),
    onFault: (error) => log.error("web: {error}", { error: messageOf(error) }),
  });
  if (!settings.ui) {
    log.warn("the web interface was not built, so there is only a page about tsh: run deno task ui");
  }
  const app = webApp({
    gateway: new ApiGateway(membership.auth),
    signedIn,
    clock,
    publicHost: web.web,
    ui: settings.ui,
    tls: settings.tls,
    rates: settings.limits.rates,
    onRefused: (address, reason) => refused.note(address, reason),
    ping,
    onError: ({ error, method, route }) =>
      log.error("{method} {route}: {error}", { method, route, error: messageOf(error) }),
  });
  const webServer = await serveHttps({
    app,
    fd: settings.sockets.web,
    tls,
    maxConnections: settings.limits.maxConnections,
    findClient: balanced,
    onError: (error) => log.error("web: {error}", { error: messageOf(error) }),
  });

  return {
    drain() {
      sshListener.close();
      void webServer.close();
      membership.stopAnnouncing();
    },
    state: () => ({
      clients: ssh.connections.size + ssh.waiting + webServer.connections,
      authConnected: membership.auth.connected,
      counts: {
        connections: ssh.connections.size,
        logging_in: ssh.waiting,
        web_connections: webServer.connections,
        web_sessions: signedIn.sessions,
        web_terminals: signedIn.terminals,
        events_waiting: events.waiting,
        events_lost: events.lost,
        ...sessions.counts(),
      },
    }),
    async stop() {
      sshListener.close();
      void webServer.close();
      signedIn.stop();
      live.stop();
      known.close();
      sessions.sessions.stop();
      await forwarder.close(STOP_SESSIONS_MS);
      ssh.close();
      await events.stop(STOP_EVENTS_MS);
      await sessions.close();
      await run.close();
      membership.stop();
    },
  };
}
