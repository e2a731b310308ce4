/**
 * Channels that a server opens at a client: connections to what the client asked it to listen for, requests to the
 * client's agent, windows of programs (RFC 4254 sections 6.3.2 and 7.2, OpenSSH PROTOCOL 2.4). What was not asked for is
 * refused.
 * @module
 */
import type { Duplex } from "node:stream";
import { relayAgent } from "./agent_relay.ts";
import type { JoinedChannels } from "./joined_channels.ts";
import type { IncomingOpen } from "./ssh2/channel_layer.ts";
import type { WireReader } from "./wire.ts";

/** Where a connection that the server forwards comes from. */
export interface Origin {
  address: string;
  port: number;
}

/** Connects what comes from the server; when it throws, the server is told the reason. */
export type Connect = (origin: Origin) => Promise<Duplex>;

const NOWHERE: Origin = { address: "", port: 0 };

/** What one connection lets its server open. */
export class ClientChannels {
  /** By address and port, as the server names them. */
  readonly tcp = new Map<string, Connect>();
  /** By path. */
  readonly streamlocal = new Map<string, Connect>();
  agent: Connect | undefined;
  x11: Connect | undefined;

  /** @param others serves channels of types that SSH knows nothing of */
  constructor(readonly others: Readonly<Record<string, (fields: WireReader) => Promise<Duplex>>> = {}) {}

  /** Answers one open. */
  route(open: IncomingOpen, channels: JoinedChannels): void {
    const { type, fields } = open;
    switch (type) {
      case "forwarded-tcpip": {
        const key = tcpKey(fields.string().toString(), fields.uint32());
        const origin = { address: fields.string().toString(), port: fields.uint32() };
        return join(open, channels, this.tcp.get(key), origin);
      }
      case "forwarded-streamlocal@openssh.com":
        return join(open, channels, this.streamlocal.get(fields.string().toString()), NOWHERE);
      case "x11": {
        const origin = { address: fields.string().toString(), port: fields.uint32() };
        return join(open, channels, this.x11, origin);
      }
      case "auth-agent@openssh.com":
        return join(open, channels, this.agent, NOWHERE, relayAgent);
      default: {
        const serve = Object.hasOwn(this.others, type) ? this.others[type] : undefined;
        if (serve) return void channels.connect(open, () => serve(fields));
        open.refuse("unknown type", "this client does not know this type of channel");
      }
    }
  }
}

/** Names a forward in {@linkcode ClientChannels.tcp}. */
export function tcpKey(address: string, port: number): string {
  return `${port} ${address}`;
}

function join(
  open: IncomingOpen,
  channels: JoinedChannels,
  connect: Connect | undefined,
  origin: Origin,
  how?: typeof relayAgent,
): void {
  if (connect) void channels.connect(open, () => connect(origin), how);
  else open.refuse("prohibited", "this client has not asked for that");
}
