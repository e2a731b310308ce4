/**
 * The parts of ssh2 1.17.0 that the adapters in this folder lean on, as types. ssh2 is pinned exactly because these
 * are not its public API; internals_test.ts checks each of them.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { Duplex, Readable, Writable } from "node:stream";

/** lib/protocol/kex.js: the state of a key exchange. */
export interface Kex {
  sessionID: Buffer;
  negotiated: { serverHostKey: string; kex: string; cs: { cipher: string }; sc: { cipher: string } };
}

/** lib/protocol/Protocol.js */
export interface Protocol {
  _kex: Kex | undefined;
  _strictMode: boolean | undefined;
  _hostKeys: Record<string, HostKeyObject>;
  _handlers: Record<string, (protocol: Protocol, ...rest: unknown[]) => void>;
  _onPayload: (payload: Buffer) => unknown;
  _onWrite: (data: Buffer) => void;
  /** Our own KEXINIT, while a key exchange runs. */
  _kexinit: Buffer | undefined;
  /** Messages that wait for its end. */
  _queue: Buffer[] | undefined;
  _remoteIdentRaw: Buffer | undefined;
  rekey(): void;
  _authsQueue: string[];
  _packetRW: {
    write: { allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  _server: boolean;
  disconnect(reason: number): void;
  channelOpenConfirm(recipient: number, sender: number, window: number, packetSize: number): void;
  channelOpenFail(recipient: number, reason: number, description: string): void;
  ping(): void;
}

/** A key as lib/protocol/keyParser.js makes them. */
export interface HostKeyObject {
  type: string;
  sign(data: Buffer): Buffer;
  getPublicSSH(): Buffer;
}

/** What onChannelOpen hands over (handlers.misc.js, CHANNEL_OPEN). */
export interface ChannelOpenInfo {
  type: string;
  sender: number;
  window: number;
  packetSize: number;
  data: unknown;
}

/** lib/utils.js ChannelManager */
export interface ChannelTable {
  add(value?: unknown): number;
  update(id: number, value: unknown): void;
  remove(id: number): void;
}

/** A channel as lib/Channel.js makes them; `stderr` is writable on a server, readable on a client. */
export interface Ssh2Channel extends Duplex {
  stderr: Writable & Readable;
  exit(status: number): void;
  exit(signal: string, coreDumped: boolean, message: string): void;
  close(): void;
  setWindow(rows: number, cols: number, height: number, width: number): void;
  signal(name: string): void;
}

/** A client of lib/server.js or lib/client.js. */
export interface Ssh2Connection extends EventEmitter {
  _protocol: Protocol;
  _chanMgr: ChannelTable;
  _sock: Duplex;
  authenticated?: boolean;
  end(): void;
}

/** Auth contexts of lib/server.js. */
export interface AuthContext extends EventEmitter {
  method: "none" | "password" | "publickey" | "hostbased" | "keyboard-interactive";
  username: string;
  service: string;
  accept(): void;
  reject(methods?: string[], partial?: boolean): void;
}

export interface PublicKeyContext extends AuthContext {
  method: "publickey";
  key: { algo: string; data: Buffer };
  signature?: Buffer;
  blob?: Buffer;
}

export interface InteractiveContext extends AuthContext {
  method: "keyboard-interactive";
  prompt(
    prompts: { prompt: string; echo: boolean }[],
    title: string,
    instructions: string,
    callback: (answers: string[] | Error) => void,
  ): void;
}

export interface Ssh2Server extends EventEmitter {
  injectSocket(socket: Duplex): void;
}

export interface Ssh2Session extends EventEmitter {
  _channel?: Ssh2Channel;
}

export interface Ssh2Client extends Ssh2Connection {
  connect(config: Record<string, unknown>): void;
  exec(command: string, options: Record<string, unknown>, done: ChannelCallback): void;
  shell(window: unknown, options: Record<string, unknown>, done: ChannelCallback): void;
  subsys(name: string, done: ChannelCallback): void;
  forwardOut(fromHost: string, fromPort: number, host: string, port: number, done: ChannelCallback): void;
}

export type ChannelCallback = (error: Error | undefined, channel: Ssh2Channel) => void;

/** One direction's cipher settings (lib/protocol/crypto.js createCipher, createDecipher). */
export interface OutboundConfig {
  cipherInfo?: { sslName: string };
  cipherKey: Buffer;
  cipherIV: Buffer;
  seqno: number;
  onWrite(packet: Buffer): void;
}

export interface InboundConfig {
  decipherInfo?: { sslName: string };
  decipherKey: Buffer;
  decipherIV: Buffer;
  seqno: number;
  onPayload(payload: Buffer): number | false | undefined;
}
