/**
 * What this daemon listens on: one socket a service, opened by it or taken over from the daemon before it.
 * @module
 */
import type { HostPort } from "../base/dial.ts";
import type { DaemonConfig, ProxyConfig, Role } from "./config/daemon_config.ts";
import { ListeningSocket } from "./listener.ts";

export type Service = "auth" | "proxySsh" | "proxyWeb" | "proxyTunnel" | "node" | "diagnostics";

/** The listeners of each role, by configuration. */
const SERVICES: readonly {
  name: Service;
  role: Role;
  address(config: DaemonConfig): HostPort | undefined;
}[] = [
  { name: "auth", role: "auth", address: (config) => config.auth.listenAddr },
  { name: "proxySsh", role: "proxy", address: (config) => config.proxy.listenAddr },
  { name: "proxyWeb", role: "proxy", address: (config) => config.proxy.webListenAddr },
  {
    name: "proxyTunnel",
    role: "proxy",
    address: ({ proxy }) => sharesWebPort(proxy) ? undefined : proxy.tunnelListenAddr,
  },
  { name: "node", role: "node", address: (config) => config.node.listenAddr },
];

/** Gives a socket that listens already, if there is one. */
export interface SocketSource {
  claim(name: string, wanted: HostPort): ListeningSocket | undefined;
}

/** The listening sockets, by service. */
export type Sockets = Map<Service, ListeningSocket>;

/**
 * Opens the sockets of all roles that run here.
 * @throws {AppError} when one cannot be had; none is open then
 */
export async function openSockets(
  config: DaemonConfig,
  inherited: SocketSource | undefined,
): Promise<Sockets> {
  const wanted = SERVICES.filter(({ role }) => config.roles.has(role))
    .flatMap(({ name, address: of }) => {
      const address = of(config);
      return address ? [{ name, address }] : [];
    });
  if (config.diagAddr) wanted.push({ name: "diagnostics", address: config.diagAddr });
  const sockets: Sockets = new Map();
  try {
    for (const { name, address } of wanted) {
      sockets.set(name, inherited?.claim(name, address) ?? await ListeningSocket.open(address));
    }
  } catch (error) {
    for (const socket of sockets.values()) socket.close();
    throw error;
  }
  return sockets;
}

/** Whether tunnels come in on the web listener: that is so when both are given the same address. */
export function sharesWebPort({ webListenAddr: web, tunnelListenAddr: tunnel }: ProxyConfig): boolean {
  return tunnel.port !== 0 && web.host === tunnel.host && web.port === tunnel.port;
}
