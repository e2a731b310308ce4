/**
 * Channels other than sessions on the server side: each open gets exactly one answer, with the reason when refused.
 * ssh2 alone would give no reason, and knows few types.
 * @module
 */
import type { Duplex } from "node:stream";
import { joinStreams } from "../base/duplex.ts";
import { isAppError } from "../base/errors.ts";
import type { ChannelOpenInfo, Protocol, Ssh2Channel, Ssh2Connection } from "./ssh2/internals.ts";
import { Channel, MAX_WINDOW, PACKET_SIZE } from "./ssh2/library.ts";

/** RFC 4254 section 7.2. */
export interface ForwardTarget {
  host: string;
  port: number;
  originAddress: string;
  originPort: number;
}

/** RFC 4254 section 5.1. */
const REASON = { prohibited: 1, connectFailed: 2 };

const MAX_FORWARDS = 256;

export interface ChannelRoutes {
  "direct-tcpip"?: (target: ForwardTarget) => Promise<Duplex>;
}

/** Adds routes for channel types to one connection; what they do not name stays with ssh2, which refuses it. */
export function routeChannels(library: Ssh2Connection, routes: ChannelRoutes): void {
  const handlers = library._protocol._handlers;
  const fallback = handlers.CHANNEL_OPEN;
  let open = 0;
  handlers.CHANNEL_OPEN = (protocol, ...rest) => {
    const info = rest[0] as ChannelOpenInfo;
    const route = info.type === "direct-tcpip" ? routes["direct-tcpip"] : undefined;
    if (!route || library.authenticated !== true) return fallback?.(protocol, ...rest);
    if (open >= MAX_FORWARDS) {
      return protocol.channelOpenFail(info.sender, REASON.prohibited, "too many forwarded connections");
    }
    open++;
    forward(library, protocol, info, route).finally(() => open--);
  };
}

interface DirectTcpipData {
  destIP: string;
  destPort: number;
  srcIP: string;
  srcPort: number;
}

async function forward(
  library: Ssh2Connection,
  protocol: Protocol,
  info: ChannelOpenInfo,
  route: (target: ForwardTarget) => Promise<Duplex>,
): Promise<void> {
  const data = info.data as DirectTcpipData;
  let target: Duplex;
  try {
    target = await route({
      host: data.destIP,
      port: data.destPort,
      originAddress: data.srcIP,
      originPort: data.srcPort,
    });
  } catch (error) {
    const prohibited = isAppError(error, "access_denied");
    return protocol.channelOpenFail(
      info.sender,
      prohibited ? REASON.prohibited : REASON.connectFailed,
      isAppError(error) ? error.message : "the connection failed", // what is not an AppError is not for clients
    );
  }
  const channel = acceptChannel(library, protocol, info);
  await joinStreams(channel, target);
}

/** A channel that may be closed in one direction first: ssh2's "server" channels cannot. */
function acceptChannel(library: Ssh2Connection, protocol: Protocol, info: ChannelOpenInfo): Ssh2Channel {
  const id = library._chanMgr.add();
  const channel = new Channel(library, {
    type: undefined,
    incoming: { id, window: MAX_WINDOW, packetSize: PACKET_SIZE, state: "open" },
    outgoing: { id: info.sender, window: info.window, packetSize: info.packetSize, state: "open" },
  }, { server: false });
  library._chanMgr.update(id, channel);
  protocol.channelOpenConfirm(info.sender, id, MAX_WINDOW, PACKET_SIZE);
  return channel;
}
