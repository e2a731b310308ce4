/**
 * The proxy role, put together: membership, node directory, SSH front, web front.
 * @module
 */
import { Membership } from "../api/membership.ts";
import { EventQueue } from "../api/event_queue.ts";
import type { Clock } from "../base/clock.ts";
import { dialAny, dialTcp, formatHostPort, type HostPort } from "../base/dial.ts";
import { messageOf } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import { listenOn } from "../base/listen.ts";
import { logger } from "../base/log.ts";
import type { RunningRole } from "../base/role.ts";
import { Secret } from "../base/secret.ts";
import { MIN_CLIENT_VERSION, VERSION } from "../model/version.ts";
import { ApiGateway } from "./auth_gateway.ts";
import { NodeDirectory } from "./node_directory.ts";
import { Router } from "./route.ts";
import { proxySshServer } from "./ssh_front.ts";
import { webApp } from "./web/app.ts";
import { serveHttps } from "./web/server.ts";
import { webCertificate } from "./web_certificate.ts";

const log = logger("proxy");
const STOP_EVENTS_MS = 1000;

/** What the supervisor tells the proxy role; plain data. */
export interface ProxySettings {
  hostId: string;
  name: string;
  /** The role's folder. */
  directory: string;
  authServers: HostPort[];
  joinToken?: string;
  caPins: string[];
  /** Names of the certificates, host and web. */
  publicNames: string[];
  /** Listening sockets. */
  sockets: { ssh: number; web: number };
  /** What users are told. */
  addresses: { web: HostPort; ssh: HostPort; tunnel: HostPort };
  tls: boolean;
  https?: { keyFile: string; certFile: string };
  allowUnregisteredNodes: boolean;
  maxConnections: number;
}

export async function startProxy(settings: ProxySettings, files: Files, clock: Clock): Promise<RunningRole> {
  const { directory, addresses } = settings;
  const dialAuth = dialAny(settings.authServers);
  const identityPath = `${directory}/identity.json`;
  const web = {
    web: formatHostPort(addresses.web),
    ssh: formatHostPort(addresses.ssh),
    tunnel: formatHostPort(addresses.tunnel),
  };
  let directoryOfNodes: NodeDirectory | undefined;
  const membership = await Membership.start({
    role: "proxy",
    hostId: settings.hostId,
    name: settings.name,
    publicNames: settings.publicNames,
    token: settings.joinToken === undefined ? undefined : new Secret(settings.joinToken),
    caPins: settings.caPins,
    identityFile: {
      read: () => files.readText(identityPath),
      write: (text) => files.writePrivate(identityPath, text),
    },
    dialAuth,
    clock,
    announcement: () => ({ address: web.ssh, labels: {}, proxy: web }),
    onChanged: (collection) => collection === "servers" ? directoryOfNodes?.refresh() : undefined,
    report: (level, text) => level === "info" ? log.info("{text}", { text }) : log.warn("{text}", { text }),
  });
  const nodes = directoryOfNodes = new NodeDirectory(membership.auth);
  const events = new EventQueue(membership.auth, clock, {
    load: () => files.readText(`${directory}/events.spool`),
    save: (text) => files.writePrivate(`${directory}/events.spool`, text),
  });
  await events.start();
  const cluster = await membership.auth.call("cluster.get", {});

  const ssh = proxySshServer({
    hostCredential: membership.credentials,
    trust: () => membership.trust,
    clock,
    limits: { maxConnections: settings.maxConnections },
    emit: (event) => events.emit(event),
    router: new Router({
      cluster: () => membership.trust.cluster,
      directory: nodes,
      credentials: () => membership.credentials,
      dial: dialTcp,
      dialAuth,
      clock,
      allowUnregistered: settings.allowUnregisteredNodes,
    }),
  });
  const sshListener = await listenOn(settings.sockets.ssh, (socket) => ssh.accept(socket));

  const tls = settings.tls
    ? await webCertificate({
      files,
      clock,
      directory,
      configured: settings.https,
      names: settings.publicNames,
      warn: (text) => log.warn("{text}", { text }),
    })
    : undefined;
  const app = webApp({
    gateway: new ApiGateway(membership.auth),
    clock,
    publicHost: web.web,
    tls: settings.tls,
    ping: () => ({
      auth: { type: "local", second_factor: cluster.secondFactor },
      proxy: { ssh: { listen_addr: web.ssh, public_addr: web.ssh } },
      cluster_name: cluster.name,
      server_version: VERSION,
      min_client_version: MIN_CLIENT_VERSION,
    }),
    onError: ({ error, method, route }) =>
      log.error("{method} {route}: {error}", { method, route, error: messageOf(error) }),
  });
  const webServer = await serveHttps({
    app,
    fd: settings.sockets.web,
    tls,
    maxConnections: settings.maxConnections,
    onError: (error) => log.error("web: {error}", { error: messageOf(error) }),
  });

  return {
    async stop() {
      sshListener.close();
      void webServer.close();
      ssh.close();
      await events.stop(STOP_EVENTS_MS);
      membership.stop();
    },
  };
}
