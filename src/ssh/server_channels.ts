/**
 * The types of channels that a client may open at a server: sessions, and connections that the server makes for it (RFC
 * 4254 section 7.2, OpenSSH PROTOCOL 2.4). Each open gets exactly one answer, with the reason when it is refused.
 * @module
 */
import type { Duplex } from "node:stream";
import type { JoinedChannels } from "./joined_channels.ts";
import type { IncomingOpen } from "./ssh2/channel_layer.ts";

/** RFC 4254 section 7.2. */
export interface ForwardTarget {
  host: string;
  port: number;
  originAddress: string;
  originPort: number;
}

/** What serves each type of channel. A missing entry means: refused. */
export interface ChannelRoutes {
  session?(open: IncomingOpen): void;
  directTcpip?(target: ForwardTarget): Promise<Duplex>;
  /** @param path of a socket */
  directStreamlocal?(path: string): Promise<Duplex>;
}

const KNOWN = ["session", "direct-tcpip", "direct-streamlocal@openssh.com"];

/** Answers one open. */
export function routeChannel(open: IncomingOpen, routes: ChannelRoutes, channels: JoinedChannels): void {
  const { type, fields } = open;
  const { session, directTcpip, directStreamlocal } = routes;
  if (type === "session" && session) return session(open);
  if (type === "direct-tcpip" && directTcpip) {
    const [host, port] = [fields.string().toString(), fields.uint32()];
    const [originAddress, originPort] = [fields.string().toString(), fields.uint32()];
    return void channels.connect(open, () => directTcpip({ host, port, originAddress, originPort }));
  }
  if (type === "direct-streamlocal@openssh.com" && directStreamlocal) {
    const path = fields.text();
    return void channels.connect(open, () => directStreamlocal(path));
  }
  if (KNOWN.includes(type)) open.refuse("prohibited", `this server does not serve ${type} channels`);
  else open.refuse("unknown type", "this server does not know this type of channel");
}
