/**
 * Flow control of outgoing channel data (RFC 4254 section 5.2), in place of ssh2's. With ssh2's own, standard output and
 * standard error that wait for window at the same time lose each other: one of them is never resumed, or an old piece
 * is sent twice. Here whatever waits stands in one line, and window that comes in is handed out in order.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { borrowByWrite } from "../../base/lending.ts";
import { Channel } from "./library.ts";
import { countTraffic } from "./traffic.ts";
import type { ChannelTable, Protocol, Ssh2Channel, Ssh2Connection } from "./internals.ts";

const STDERR = 1;

interface Outgoing {
  id: number;
  window: number;
  packetSize: number;
  state: string;
}

interface FlowChannel extends Ssh2Channel {
  _client: { _protocol: ChannelProtocol; _sock: Duplex };
  outgoing: Outgoing;
}

interface ChannelProtocol extends Protocol {
  channelData(id: number, data: Buffer): void;
  channelExtData(id: number, data: Buffer, type: number): void;
}

/** One write that waits for window. */
interface Waiting {
  data: Buffer;
  /** The memory of `data`, if it goes back to the spare. */
  block?: Buffer;
  extended: boolean;
  done: (error?: Error) => void;
}

/** What a bulk source gives at once, and how much of it is kept to be used again, in this thread. */
const BLOCK_SIZE = 256 * 1024, MAX_SPARE = 4;
const spare: Buffer[] = [];

/** A copy of what has to wait: the memory may be lent. */
function keep(data: Buffer): { data: Buffer; block?: Buffer } {
  if (data.length > BLOCK_SIZE || data.length < BLOCK_SIZE / 4) return { data: Buffer.from(data) };
  const block = spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_SIZE);
  block.set(data);
  return { data: block.subarray(0, data.length), block };
}

const lines = new WeakMap<FlowChannel, Waiting[]>();

function lineOf(channel: FlowChannel): Waiting[] {
  let line = lines.get(channel);
  if (!line) lines.set(channel, line = []);
  return line;
}

/**
 * What may wait in a connection's socket before its channels are held back: a client that grants 4 GiB of window and then
 * does not read must not cost that much memory.
 */
const MAX_WAITING = 1024 * 1024;

/** The channels that a connection's socket holds back, until it has written everything. */
const held = new WeakMap<Duplex, Set<FlowChannel>>();

/** Whether the channel's connection has enough to write for now; it then comes back to the channel by itself. */
function congested(channel: FlowChannel): boolean {
  const socket = channel._client._sock;
  if (socket.writableLength < MAX_WAITING || !socket.writable) return false;
  let channels = held.get(socket);
  if (!channels) {
    held.set(socket, channels = new Set());
    socket.once("drain", () => {
      const waiting = held.get(socket);
      held.delete(socket);
      waiting?.forEach(resume);
    });
  }
  channels.add(channel);
  return true;
}

/** Sends as much as the window and the socket take. @returns what is left */
function send(channel: FlowChannel, data: Buffer, extended: boolean): Buffer {
  const { outgoing } = channel;
  const protocol = channel._client._protocol;
  if (data.length > 0 && outgoing.window > 0) countTraffic(channel._client);
  let at = 0;
  while (at < data.length && outgoing.window > 0 && !congested(channel)) {
    const count = Math.min(data.length - at, outgoing.window, outgoing.packetSize);
    const piece = at === 0 && count === data.length ? data : data.subarray(at, at + count);
    if (extended) protocol.channelExtData(outgoing.id, piece, STDERR);
    else protocol.channelData(outgoing.id, piece);
    at += count;
    outgoing.window -= count;
  }
  return data.subarray(at);
}

function write(channel: FlowChannel, data: Buffer, extended: boolean, done: Waiting["done"]): void {
  if (channel.outgoing.state !== "open") return done(); // the other side has left: dropped, as a closed pipe does
  const line = lineOf(channel);
  if (line.length > 0) return void line.push({ ...keep(data), extended, done });
  const rest = send(channel, data, extended);
  if (rest.length > 0) line.push({ ...keep(rest), extended, done });
  else done();
}

/** Gives a channel what it may send by now. @returns false when it waits for window or the socket, until "drain" */
export function writeWithinWindow(channel: Ssh2Channel, data: Uint8Array): boolean {
  if (!borrowByWrite(channel, data)) return false;
  const flow = channel as FlowChannel;
  const { window, state } = flow.outgoing;
  if (state !== "open" || window > 0 && !congested(flow)) return true;
  starved.add(flow);
  return false;
}

const starved = new WeakSet<FlowChannel>();

/** Hands out window that came in, in the order of the writes. */
function resume(channel: FlowChannel): void {
  const line = lineOf(channel);
  for (let first = line[0]; first; first = line[0]) {
    const open = channel.outgoing.state === "open";
    const rest = open ? send(channel, first.data, first.extended) : first.data.subarray(first.data.length);
    if (rest.length > 0) {
      first.data = rest;
      return;
    }
    line.shift();
    if (first.block && spare.length < MAX_SPARE) spare.push(first.block);
    first.done();
  }
  if (channel.outgoing.window > 0 && starved.has(channel) && !congested(channel)) {
    starved.delete(channel);
    channel.emit("drain");
  }
}

interface WritePrototype {
  _write(data: Buffer, encoding: string, done: Waiting["done"]): void;
}

(Channel.prototype as unknown as WritePrototype)._write = function (
  this: FlowChannel,
  data,
  _encoding,
  done,
) {
  write(this, data, false, done);
};

/** A server channel's standard error has a class that ssh2 does not export: each object is given the method. */
function patchStderr(channel: FlowChannel): void {
  const stderr = channel.stderr as unknown as WritePrototype;
  stderr._write = (data, _encoding, done) => write(channel, data, true, done);
}

/** Makes a started server session send its standard error through the same line. */
export function orderStderr(channel: Ssh2Channel): void {
  patchStderr(channel as FlowChannel);
}

/** What the channel table holds: a channel, a server's session with perhaps a channel, or a pending open. */
interface TableEntry {
  outgoing?: Outgoing;
  _channel?: FlowChannel;
  _chanInfo?: { outgoing: Outgoing };
}

/** Replaces one connection's handler of incoming window. Call it before channels open. */
export function installWindow(library: Ssh2Connection): void {
  const table = library._chanMgr as ChannelTable & { get(id: number): unknown };
  library._protocol._handlers.CHANNEL_WINDOW_ADJUST = (_protocol, ...rest) => {
    const [recipient, amount] = rest as [number, number];
    const entry = table.get(recipient);
    if (typeof entry !== "object" || entry === null) return;
    const { _channel: inner, _chanInfo: info, outgoing: own } = entry as TableEntry;
    const outgoing = inner?.outgoing ?? info?.outgoing ?? own;
    if (!outgoing) return;
    outgoing.window = Math.min(outgoing.window + amount, 0xffff_ffff);
    const channel = inner ?? (own ? entry as FlowChannel : undefined);
    if (channel) resume(channel);
  };
}
