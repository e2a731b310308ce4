/**
 * ssh2 with our patches in place. This is the only module that imports ssh2 itself; the patches must come first,
 * because ssh2's modules keep references to what they patch.
 * @module
 */
import "./cipher_patch.ts";
import "./key_patch.ts";
import "./kex_patch.ts";
import type { Buffer } from "node:buffer";
import ssh2Module from "ssh2";
import channelModule from "ssh2/lib/Channel.js";
import protocolModule from "ssh2/lib/protocol/Protocol.js";
import protocolUtilsModule from "ssh2/lib/protocol/utils.js";
import type {
  HostKeyObject,
  Protocol,
  Ssh2Channel,
  Ssh2Client,
  Ssh2Connection,
  Ssh2Server,
} from "./internals.ts";

const ssh2 = ssh2Module as {
  Client: new () => Ssh2Client;
  Server: new (
    config: Record<string, unknown>,
    onConnection: (connection: Ssh2Connection, info: { header: { versions: { software: string } } }) => void,
  ) => Ssh2Server;
  utils: { parseKey(line: string): HostKeyObject | Error };
};

const channels = channelModule as {
  Channel: new (connection: Ssh2Connection, info: unknown, options: { server: boolean }) => Ssh2Channel;
  MAX_WINDOW: number;
  PACKET_SIZE: number;
};

const { sendPacket } = protocolUtilsModule as {
  sendPacket(protocol: Protocol, packet: Buffer, bypass?: boolean): void;
};

export const { Client, Server } = ssh2;
export const { Channel, MAX_WINDOW, PACKET_SIZE } = channels;
export const ProtocolPrototype = (protocolModule as { prototype: Record<string, unknown> }).prototype;

/** ssh2's own object for a plain public key given as a line. */
export function libraryKey(line: string): HostKeyObject {
  const key = ssh2.utils.parseKey(line);
  if (key instanceof Error) throw key;
  return key;
}

/** Sends one message, encrypted or queued as the connection's state demands. */
export function sendMessage(protocol: Protocol, message: Uint8Array): void {
  const start = protocol._packetRW.write.allocStart;
  const packet = protocol._packetRW.write.alloc(message.length);
  packet.set(message, start);
  sendPacket(protocol, protocol._packetRW.write.finalize(packet));
}

/** Sends one message at once, past those that wait for the end of a key exchange. */
export function sendUrgently(protocol: Protocol, message: Uint8Array): void {
  const { write } = protocol._packetRW;
  const start = write.allocStartKEX;
  const packet = write.alloc(message.length, true);
  packet.set(message, start);
  sendPacket(protocol, write.finalize(packet, true), true);
}
