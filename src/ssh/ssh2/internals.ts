/**
 * The parts of ssh2 1.17.0 that the adapters in this folder lean on, as types. ssh2 is pinned exactly because these
 * are not its public API; internals_test.ts checks each of them.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { DiffieHellman } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { Duplex, Readable, Writable } from "node:stream";

/** lib/protocol/kex.js: the state of a key exchange. */
export interface Kex {
  type: "25519" | "ecdh" | "group" | "groupex";
  sessionID: Buffer;
  negotiated: { serverHostKey: string; kex: string; cs: { cipher: string }; sc: { cipher: string } };
  /** On a server: the client wants an EXT_INFO. */
  remoteExtInfoEnabled: boolean;
  /** Our half. */
  getPublicKey(): Buffer;
  /** @param value the other side's half */
  computeSecret(value: Buffer): Buffer | Error;
}

/** The same with a finite-field group: DHExchange. */
export interface GroupKex extends Kex {
  type: "group";
  groupName: string;
  _dh: DiffieHellman | null;
  _public: Buffer | null;
  generateKeys(): void;
}

/** What one side offers: KexInit. */
export interface KexOffer {
  lists: {
    kex: { array: string[] };
    serverHostKey: { array: string[] };
    cs: OfferedDirection;
    sc: OfferedDirection;
  };
}

interface OfferedDirection {
  cipher: { array: string[] };
  mac: { array: string[] };
  compress: { array: string[] };
}

/** lib/protocol/Protocol.js */
export interface Protocol {
  _kex: Kex | undefined;
  _strictMode: boolean | undefined;
  _hostKeys: Record<string, HostKeyObject>;
  _handlers: Record<string, (protocol: Protocol, ...rest: unknown[]) => void>;
  _onPayload: (payload: Buffer) => unknown;
  /** Called for every message: the peer lives. */
  _onPacket: () => void;
  /** Gone once the connection is over: nothing can be sent any more. */
  _destruct: unknown;
  _onWrite: (data: Buffer) => void;
  _onHeader: (header: unknown) => void;
  _onHandshakeComplete: (negotiated: Kex["negotiated"]) => void;
  _onError: (error: Error) => void;
  _offer: KexOffer;
  /** Absent until the other side's identification line came. */
  /** `inPlace` is ours: it decrypts where the data lies. */
  _decipher: { _onPayload: InboundConfig["onPayload"]; inPlace?: boolean } | undefined;
  /** What takes the next bytes; returns where it stopped. */
  _parse: (chunk: Buffer, at: number, end: number) => number | undefined;
  /** Our own KEXINIT, while a key exchange runs. */
  _kexinit: Buffer | undefined;
  /** Messages that wait for its end. */
  _queue: Buffer[] | undefined;
  _remoteIdentRaw: Buffer | undefined;
  rekey(): void;
  _authsQueue: string[];
  _packetRW: {
    write: {
      allocStart: number;
      allocStartKEX: number;
      /** @param force a whole packet even during a key exchange, when packets wait */
      alloc(length: number, force?: boolean): Buffer;
      finalize(packet: Buffer, force?: boolean): Buffer;
    };
  };
  _server: boolean;
  disconnect(reason: number): void;
  channelOpenConfirm(recipient: number, sender: number, window: number, packetSize: number): void;
  channelOpenFail(recipient: number, reason: number, description: string): void;
  channelSuccess(recipient: number): void;
  channelFailure(recipient: number): void;
  channelClose(recipient: number): void;
  requestSuccess(data?: Buffer): void;
  requestFailure(): void;
  ping(): void;
}

/** A key as lib/protocol/keyParser.js makes them. */
export interface HostKeyObject {
  type: string;
  sign(data: Buffer): Buffer;
  getPublicSSH(): Buffer;
}

/** lib/utils.js ChannelManager */
export interface ChannelTable {
  _count: number;
  /** A function that {@linkcode PendingOpen} describes stands for a channel that was asked for. */
  add(value?: unknown): number;
  /** Throws for a number that no channel can have. */
  get(id: number): unknown;
  update(id: number, value: unknown): void;
  remove(id: number): void;
}

/** Told what became of a channel that was asked for. */
export type PendingOpen = (error: Error | undefined, channel?: Ssh2Channel) => void;

/** One direction of a channel. */
export interface ChannelEnd {
  id: number;
  window: number;
  packetSize: number;
  /** "open", "eof", "closing" or "closed" */
  state: string;
}

/** A channel as lib/Channel.js makes them; `stderr` is writable on a server, readable on a client. */
export interface Ssh2Channel extends Duplex {
  incoming: ChannelEnd;
  outgoing: ChannelEnd;
  /** Wait for the answers to our requests, in order; told true for a failure. */
  _callbacks: ((failed: boolean) => void)[];
  stderr: Writable & Readable;
  exit(status: number): void;
  exit(signal: string, coreDumped: boolean, message: string): void;
  close(): void;
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

export interface Ssh2Client extends Ssh2Connection {
  connect(config: Record<string, unknown>): void;
}

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
