/**
 * The proxy role, put together: membership, node directory, SSH front, web front.
 * @module
 */
import { type BalancerChoice, findBalancedClient } from "../api/balancers.ts";
import { Buffer } from "node:buffer";
import type { ClusterAccess } from "../api/cluster_access.ts";
import { LiveAccess } from "../api/live_access.ts";
import { RefusedClients } from "../api/refused_clients.ts";
import {
  authServersOf,
  type MemberSettings,
  openClusterAccess,
  startMembership,
} from "../api/member_role.ts";
import { recordingPolicy, RecordingRole } from "../api/recording_role.ts";
import { eventSpool } from "../api/event_journal.ts";
import { EventQueue } from "../api/event_queue.ts";
import type { Clock } from "../base/clock.ts";
import { dialTcp, formatHostPort, type HostPort } from "../base/dial.ts";
import { messageOf } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import { proxyFor } from "../base/proxy_choice.ts";
import type { RateRule } from "../base/rate_limit.ts";
import type { Outside, RunningRole } from "../base/role.ts";
import { RunFolder } from "../base/run_folder.ts";
import type { HostIdentity, UserIdentity } from "../model/identity.ts";
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
import type { TransportTarget } from "../tunnel/transport.ts";
import { connectForCluster } from "./tunnels/connect_here.ts";
import { hubSshServer } from "./tunnels/hub_front.ts";
import { ClusterLinks } from "./tunnels/links.ts";
import { siteList } from "./tunnels/site_list.ts";
import { webApp } from "./web/app.ts";
import { loginFacts } from "./web/login_facts.ts";
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
  sockets: { ssh: number; web: number; tunnel?: number };
  /** Tunnels come in on the web listener's port, too. */
  sharesWebPort: boolean;
  /** The environment's proxy variables, for what leaves this network: tunnels and pairings. */
  proxyVariables: Readonly<Record<string, string>>;
  /** Whom the system trusts about HTTPS servers, PEM. */
  authoritiesFile?: string | undefined;
  /** `--insecure`: self-signed HTTPS certificates of trusted clusters are accepted. */
  insecure: boolean;
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

export async function startProxy(
  settings: ProxySettings,
  files: Files,
  clock: Clock,
  outside: Pick<Outside, "keepAuthServers">,
): Promise<RunningRole> {
  const { directory, addresses } = settings;
  const authServers = authServersOf(settings, clock);
  const dialAuth = () => authServers.dial();
  const web = {
    web: formatHostPort(addresses.web),
    ssh: formatHostPort(addresses.ssh),
    tunnel: formatHostPort(addresses.tunnel),
  };
  let directoryOfNodes: NodeDirectory | undefined;
  let access: ClusterAccess | undefined;
  let front: SshServer<UserIdentity> | undefined;
  let tunnelFront: SshServer<HostIdentity> | undefined;
  let clusterLinks: ClusterLinks | undefined;
  let webInterface: WebInterface | undefined;
  let recorded: RecordingRole | undefined;
  // deno-lint-ignore prefer-const -- a callback names it before it can be made
  let learnPolicy: (() => Promise<void>) | undefined;
  const around = { settings, files, clock, log, authServers, outside };
  const membership = await startMembership(around, {
    role: "proxy",
    publicNames: settings.publicNames,
    announcement: () => ({ address: web.ssh, labels: {}, proxy: web }),
    onChanged: async (collection) => {
      const checked = webInterface?.onChanged(collection);
      if (collection === "sessions") await recorded?.sessions.announceNow();
      if (collection === "authorities") access?.onChange(); // certificates of a dropped one open nothing any more
      if (collection === "connectors") await learnPolicy?.();
      if (collection === "servers") {
        await directoryOfNodes?.refresh();
        await learnPolicy?.();
      }
      if (collection === "clusters" || collection === "servers" || collection === "authorities") {
        await clusterLinks?.tryRefresh();
      }
      if (collection === "users" || collection === "roles") {
        await access?.refresh();
        recorded?.sessions.checkGuests();
      }
      await checked;
    },
    onRenewed: (credentials) => {
      front?.setHostCredential(credentials);
      tunnelFront?.setHostCredential(credentials);
      clusterLinks?.renewed();
    },
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

  /** Whose certificates are believed; users of trusted clusters with them. */
  const trust = () => ({ ...membership.trust, foreign: known.foreign });
  const links: ClusterLinks = clusterLinks = new ClusterLinks({
    api: membership.auth,
    clock,
    hostId: settings.hostId,
    credentials: () => membership.credentials,
    proxyFor: (target) => proxyFor(target, (name) => settings.proxyVariables[name]),
    insecure: settings.insecure,
    authorities: async () =>
      settings.authoritiesFile === undefined ? undefined : await files.readText(settings.authoritiesFile),
    records: () => cluster.sessionRecording === "proxy",
    connectHere: (from, { to, client }) => connectFrom(from, to, client),
    emit: (event) => events.emit(event),
  });
  const router = new Router({
    links,
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
      trust,
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
  const connectFrom = (from: string, to: TransportTarget, client: { address: string; port: number }) =>
    connectForCluster({ passage, router, emit: (event) => events.emit(event) }, from, to, client);
  const ssh = front = proxySshServer({
    links,
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
  const hub = tunnelFront = hubSshServer({
    hostCredential: membership.credentials,
    hostKeysOf: (name) => links.hostKeysOf(name),
    clock,
    limits: settings.limits,
    emit: (event) => events.emit(event),
    refused,
    onTunnel: (connection) => links.hub.add(connection),
  });
  await links.tryRefresh();
  const sshListener = await listenOn(
    settings.sockets.ssh,
    (socket) => ssh.accept(socket, balanced && (() => balanced(socket))),
  );
  const tunnelListener = settings.sockets.tunnel === undefined ? undefined : await listenOn(
    settings.sockets.tunnel,
    (socket) => hub.accept(socket, balanced && (() => balanced(socket))),
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
      ...loginFacts(cluster),
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
    sites: {
      cluster: () => membership.trust.cluster,
      list: () => siteList(membership.trust.cluster, passage.records, links, clock),
      trustOf: (name) => {
        const host = links.hostKeysOf(name);
        return host && { cluster: name, host };
      },
    },
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
    pairing: (request, address) => membership.auth.call("pairing.validate", { request, address }),
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
    onSsh: settings.sharesWebPort ? (socket, client) => hub.accept(socket, client) : undefined,
    onError: (error) => log.error("web: {error}", { error: messageOf(error) }),
  });

  return {
    drain() {
      sshListener.close();
      tunnelListener?.close();
      void webServer.close();
      links.drain();
      membership.stopAnnouncing();
    },
    state: () => ({
      clients: ssh.connections.size + ssh.waiting + webServer.connections + links.carried,
      authConnected: membership.auth.connected,
      counts: {
        connections: ssh.connections.size,
        logging_in: ssh.waiting,
        web_connections: webServer.connections,
        web_sessions: signedIn.sessions,
        web_terminals: signedIn.terminals,
        events_waiting: events.waiting,
        events_lost: events.lost,
        ...links.counts(),
        ...sessions.counts(),
      },
    }),
    async stop() {
      sshListener.close();
      tunnelListener?.close();
      links.stop();
      hub.close();
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
