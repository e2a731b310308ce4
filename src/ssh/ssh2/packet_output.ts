/**
 * The way of sealed packets to the socket. Packets are built one after the other in a large block, encrypted in place,
 * and all that were made in one turn leave in one write: no allocation and no system call for each packet. Blocks are
 * shared by all connections of a thread; an idle connection holds none.
 * @module
 */
import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Ssh2Connection } from "./internals.ts";

/** Eight full channel packets with their headers. */
const BLOCK_SIZE = 264 * 1024;
/** Blocks kept for later use, in this thread. */
const MAX_SPARE = 8;
/** Streams that are no sockets pass references on: their memory is never used again, so it comes in small amounts. */
const STREAM_BLOCK_SIZE = 8 * 1024;

class Block {
  /** Bytes before this are taken. */
  used = 0;
  /** Writes that the socket has not finished with. */
  writing = 0;

  constructor(readonly bytes: Buffer) {}
}

const spare: Block[] = [];

/** The outgoing packets of one connection. */
export class PacketOutput {
  readonly #socket: Duplex;
  /** Whether the stream is done with memory once a write calls back, so that it can be used again. */
  readonly #reusable: boolean;
  #block: Block | undefined;
  /** Finished packets that were not written yet start here. */
  #start = 0;
  /** They end here; a packet in the making follows. */
  #end = 0;
  #scheduled = false;
  #unreported = 0;

  /** @param onWritten told how many bytes each write has */
  constructor(socket: Duplex, readonly onWritten: (bytes: number) => void = () => {}) {
    this.#socket = socket;
    this.#reusable = socket instanceof Socket;
  }

  /** Memory for the next packet; {@linkcode commit} it before the turn ends. */
  alloc(length: number): Buffer {
    let block = this.#block;
    // A packet that was begun and never committed keeps its place: somebody may still write into it.
    if (block && this.#end !== block.used) this.flush();
    if (!block || block.used + length > block.bytes.length) block = this.#nextBlock(length);
    const start = block.used;
    block.used += length;
    return block.bytes.subarray(start, block.used);
  }

  /** Queues a finished packet. */
  commit(packet: Buffer): void {
    const block = this.#block;
    if (!block || packet.buffer !== block.bytes.buffer || packet.byteOffset !== this.#place(block)) {
      this.flush();
      this.#write(packet, block && packet.buffer === block.bytes.buffer ? block : undefined);
      return;
    }
    this.#end = block.used;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
      const bytes = this.#unreported;
      this.#unreported = 0;
      this.onWritten(bytes); // not in the middle of a packet: this may start a key exchange
    });
  }

  /** Writes what is queued. */
  flush(): void {
    const block = this.#block;
    if (!block) return;
    const { bytes } = block;
    const start = this.#start, end = this.#end;
    this.#start = this.#end = block.used;
    if (end > start) this.#write(bytes.subarray(start, end), block);
  }

  /** Where the packet in the making starts in the memory below the block. */
  #place(block: Block): number {
    return block.bytes.byteOffset + this.#end;
  }

  #nextBlock(length: number): Block {
    this.flush();
    const last = this.#block;
    const block = (this.#reusable && length <= BLOCK_SIZE ? spare.pop() : undefined) ??
      new Block(Buffer.allocUnsafeSlow(Math.max(length, this.#reusable ? BLOCK_SIZE : STREAM_BLOCK_SIZE)));
    this.#block = block;
    this.#start = this.#end = block.used;
    if (last) this.#release(last);
    return block;
  }

  #write(bytes: Buffer, block: Block | undefined): void {
    const socket = this.#socket;
    if (!socket.writable) return; // the connection is gone: late writers are dropped
    this.#unreported += bytes.length;
    if (!block) return void socket.write(bytes);
    block.writing++;
    socket.write(bytes, () => {
      block.writing--;
      this.#release(block);
    });
  }

  /** Lets a block go that holds nothing any more. */
  #release(block: Block): void {
    if (block.writing > 0) return;
    if (block === this.#block) {
      if (this.#end !== block.used || this.#end !== this.#start) return;
      this.#block = undefined;
    }
    // After a close nobody knows what the system still reads.
    if (!this.#reusable || this.#socket.destroyed || block.bytes.length !== BLOCK_SIZE) return;
    if (spare.length >= MAX_SPARE) return;
    block.used = 0;
    spare.push(block);
  }
}

/** What ssh2 calls with bytes for the peer, and through which our ciphers find the connection's output. */
export interface PacketWrite {
  (data: Buffer): void;
  output?: PacketOutput;
}

/**
 * Makes a connection's packets leave together. Call it before the first key exchange ends.
 * @param onWritten told, between packets, how many bytes left
 */
export function installOutput(library: Ssh2Connection, onWritten?: (bytes: number) => void): void {
  const socket = library._sock;
  const output = new PacketOutput(socket, onWritten);
  const write: PacketWrite = (data) => output.commit(data);
  write.output = output;
  library._protocol._onWrite = write;
  const end = socket.end;
  socket.end = function (this: Duplex, ...rest: unknown[]) {
    output.flush();
    return Reflect.apply(end, this, rest);
  } as Duplex["end"];
}
