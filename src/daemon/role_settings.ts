/**
 * From the daemon's configuration and its listening sockets to the settings of each role.
 * @module
 */
import type { BalancerChoice } from "../api/balancers.ts";
import { formatHostPort, type HostPort } from "../base/dial.ts";
import { PROXY_VARIABLES } from "../base/proxy_choice.ts";
import { isHostName } from "../model/name.ts";
import { planAuditSinks } from "./audit_sinks.ts";
import type { DaemonConfig } from "./config/daemon_config.ts";
import type { ListeningSocket } from "./listener.ts";
import { FILES_PART, ownProgram, PAM_PART } from "./own_program.ts";
import { sharesWebPort } from "./services.ts";
import { systemAuthorities } from "./system_authorities.ts";
import { remoteAuditSettings, storeSettings } from "./store_plan.ts";
import { readUi } from "./ui_file.ts";
import type { RoleSettings } from "./worker_protocol.ts";

/** What the daemon knows beside its configuration. */
export interface DaemonFacts {
  hostId: string;
  /** The sockets of the roles that run here. */
  sockets: {
    auth?: ListeningSocket;
    node?: ListeningSocket;
    proxySsh?: ListeningSocket;
    proxyWeb?: ListeningSocket;
    proxyTunnel?: ListeningSocket;
  };
  /** Joins the other roles of this process to the auth role beside them. */
  localToken: string | undefined;
  /** What the cluster has told of its auth servers in an earlier run: `host:port`. */
  knownAuthServers?: string[];
  /** This machine's address as others see it. */
  outwardAddress: string;
}

/** `<data_dir>/<role>` */
export function roleDirectory(config: DaemonConfig, role: string): string {
  return `${config.dataDir}/${role}`;
}

export function logDirectory(config: DaemonConfig): string {
  return `${config.dataDir}/log`;
}

export function recordingsDirectory(config: DaemonConfig): string {
  return config.auth.recordingsDirectory ?? `${logDirectory(config)}/sessions`;
}

export function authSettings(
  config: DaemonConfig,
  facts: DaemonFacts,
  socket: ListeningSocket,
): RoleSettings["auth"] {
  const { auth } = config;
  return {
    ...bounds(config, auth),
    hostId: facts.hostId,
    name: config.nodename,
    publicNames: hostNames([...auth.publicAddrs.map(({ host }) => host), ...loopbackNames(socket)]),
    directory: roleDirectory(config, "auth"),
    store: storeSettings(auth.storage, (name) => Deno.env.get(name)),
    socket: socket.duplicate(),
    address: formatHostPort(outward(config, facts, socket)),
    clusterName: auth.clusterName,
    secondFactor: auth.authentication.secondFactor,
    securityKeys: auth.authentication.u2f,
    loginChoice: { type: auth.authentication.type, connectorName: auth.authentication.connectorName },
    sessionRecording: auth.sessionRecording,
    recordingMode: auth.recordingMode,
    recordCommands: auth.recordCommands,
    proxiesCheckHostKeys: auth.proxiesCheckHostKeys,
    clientIdleTimeout: auth.clientIdleTimeout,
    disconnectExpiredCert: auth.disconnectExpiredCert,
    staticTokens: auth.staticTokens.map(({ roles, value }) => ({ token: value.reveal(), roles })),
    remoteAudit: remoteAuditSettings(auth.remoteAudit, (name) => Deno.env.get(name)),
    joinToken: config.authToken?.reveal(),
    toJoin: config.authToken === undefined ? [] : foreignAuthServers(config, facts),
    localToken: facts.localToken === undefined
      ? undefined
      : { token: facts.localToken, hostId: facts.hostId },
    logDirectory: logDirectory(config),
    recordingsDirectory: recordingsDirectory(config),
    audit: {
      sinks: planAuditSinks(auth.audit.sinks).settings,
      sender: { hostname: config.nodename, pid: Deno.pid },
      keepLog: auth.audit.keepLog,
      keepRecordings: auth.audit.keepRecordings,
    },
  };
}

/** The auth servers of the configuration, unless one of them is this host. */
function foreignAuthServers(config: DaemonConfig, facts: DaemonFacts): string[] {
  const own = [
    "localhost",
    "0.0.0.0",
    "::",
    "::1",
    config.nodename,
    config.advertiseIp,
    facts.outwardAddress,
    config.auth.listenAddr.host,
    ...config.auth.publicAddrs.map(({ host }) => host),
  ];
  const isOwn = ({ host, port }: HostPort) =>
    port === config.auth.listenAddr.port && (own.includes(host) || host.startsWith("127."));
  return config.authServers.some(isOwn) ? [] : config.authServers.map(formatHostPort);
}

export function proxySettings(
  config: DaemonConfig,
  facts: DaemonFacts,
  ssh: ListeningSocket,
  web: ListeningSocket,
): RoleSettings["proxy"] {
  const { proxy } = config;
  const tunnel = facts.sockets.proxyTunnel;
  const [first] = proxy.publicAddrs;
  const [firstSsh] = proxy.sshPublicAddrs;
  const publicWeb: HostPort = { host: first?.host ?? config.nodename, port: first?.port || web.address.port };
  const names = hostNames([
    ...[...proxy.publicAddrs, ...proxy.sshPublicAddrs].map(({ host }) => host),
    config.nodename,
    ...loopbackNames(ssh),
  ]);
  return {
    ...membership(config, facts, "proxy"),
    ...bounds(config, proxy),
    cacheTtl: config.cacheTtl,
    publicNames: names,
    sockets: { ssh: ssh.duplicate(), web: web.duplicate(), tunnel: tunnel?.duplicate() },
    sharesWebPort: sharesWebPort(proxy),
    proxyVariables: proxyVariables(),
    authoritiesFile: systemAuthorities(),
    insecure: config.insecure,
    addresses: {
      web: publicWeb,
      ssh: firstSsh
        ? { host: firstSsh.host, port: firstSsh.port || ssh.address.port }
        : { host: publicWeb.host, port: ssh.address.port },
      tunnel: { host: publicWeb.host, port: (tunnel ?? web).address.port },
    },
    tls: proxy.tls,
    https: proxy.https,
    allowUnregisteredNodes: proxy.allowUnregisteredNodes,
    ui: readUi(),
  };
}

export function nodeSettings(
  config: DaemonConfig,
  facts: DaemonFacts,
  socket: ListeningSocket,
): RoleSettings["node"] {
  const { fixed, commands } = config.node.labels;
  return {
    ...membership(config, facts, "node"),
    ...bounds(config, config.node),
    cacheTtl: config.cacheTtl,
    socket: socket.duplicate(),
    address: formatHostPort(
      config.node.publicAddrs[0] && config.advertiseIp === undefined
        ? config.node.publicAddrs[0]
        : outward(config, facts, socket),
    ),
    labels: { fixed, commands },
    permitUserEnv: config.node.permitUserEnv,
    filesProgram: ownProgram(FILES_PART),
    pam: config.node.pam && { service: config.node.pam.service, program: ownProgram(PAM_PART) },
  };
}

/** What a service takes from outside, and what it believes. */
function bounds({ limits }: DaemonConfig, { proxyProtocol }: { proxyProtocol: BalancerChoice }) {
  return { limits, proxyProtocol };
}

function membership(config: DaemonConfig, facts: DaemonFacts, role: "proxy" | "node") {
  const own = facts.sockets.auth;
  const authServers = own && config.roles.has("auth")
    ? [{ host: dialable(own.address.host), port: own.address.port }]
    : config.authServers;
  return {
    hostId: facts.hostId,
    name: config.nodename,
    directory: roleDirectory(config, role),
    authServers,
    knownAuthServers: own ? [] : facts.knownAuthServers ?? [],
    joinToken: facts.localToken ?? config.authToken?.reveal(),
    besideAuth: facts.localToken !== undefined,
    caPins: config.caPins,
  };
}

/** Where others reach a socket of this machine. */
function outward(config: DaemonConfig, facts: DaemonFacts, { address }: ListeningSocket): HostPort {
  const host = config.advertiseIp ?? (isAnywhere(address.host) ? facts.outwardAddress : address.host);
  return { host, port: address.port };
}

function isAnywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function dialable(host: string): string {
  return isAnywhere(host) ? "127.0.0.1" : host;
}

/** A proxy on this machine is called localhost as well, where it listens there. */
function loopbackNames({ address }: ListeningSocket): string[] {
  const local = isAnywhere(address.host) || address.host === "127.0.0.1" || address.host === "localhost";
  return local ? ["localhost", "127.0.0.1"] : [address.host];
}

function hostNames(names: readonly string[]): string[] {
  return [...new Set(names)].filter(isHostName);
}

/** Roles may not read the environment. */
function proxyVariables(): Record<string, string> {
  return Object.fromEntries(PROXY_VARIABLES.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
