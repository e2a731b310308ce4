/**
 * Many small pieces to a stream in few writes. Pieces are put one after the other into a large block, and all of one turn
 * leave in one write: no allocation and no system call for each piece. Blocks are shared by all streams of a thread; one
 * that has nothing to send holds none.
 * @module
 */
import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { Writable } from "node:stream";

/** Eight SSH packets of 32 KiB with their headers. */
const BLOCK_SIZE = 264 * 1024;
/** Blocks kept for later use, in this thread. */
const MAX_SPARE = 8;
/** Streams that are no sockets pass references on: their memory is never used again, so it comes in small amounts. */
const STREAM_BLOCK_SIZE = 8 * 1024;

class Block {
  /** Bytes before this are taken. */
  used = 0;
  /** Writes that the stream has not finished with. */
  writing = 0;

  constructor(readonly bytes: Buffer) {}
}

const spare: Block[] = [];

/** The outgoing pieces of one stream. */
export class BlockOutput {
  readonly #stream: Writable;
  /** Whether the stream is done with memory once a write calls back, so that it can be used again. */
  readonly #reusable: boolean;
  readonly #onWritten: (bytes: number) => void;
  #block: Block | undefined;
  /** Finished pieces that were not written yet start here. */
  #start = 0;
  /** They end here; a piece in the making follows. */
  #end = 0;
  #scheduled = false;
  #unreported = 0;

  /** @param onWritten told how many bytes left, never while a piece is in the making */
  constructor(stream: Writable, onWritten: (bytes: number) => void = () => {}) {
    this.#stream = stream;
    this.#reusable = stream instanceof Socket;
    this.#onWritten = onWritten;
  }

  /** Memory for the next piece; {@linkcode commit} it before the turn ends. */
  alloc(length: number): Buffer {
    let block = this.#block;
    // A piece that was begun and never committed keeps its place: somebody may still write into it.
    if (block && this.#end !== block.used) this.flush();
    if (!block || block.used + length > block.bytes.length) block = this.#nextBlock(length);
    const start = block.used;
    block.used += length;
    return block.bytes.subarray(start, block.used);
  }

  /** Queues a finished piece. */
  commit(piece: Buffer): void {
    const block = this.#block;
    const own = block !== undefined && piece.buffer === block.bytes.buffer;
    if (!own || piece.byteOffset !== block.bytes.byteOffset + this.#end) {
      this.flush();
      return this.#write(piece, own ? block : undefined);
    }
    this.#end = block.used;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
      const bytes = this.#unreported;
      this.#unreported = 0;
      this.#onWritten(bytes);
    });
  }

  /** Queues a copy. @returns false when the stream has enough; its "drain" event tells when to go on */
  append(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(bytes.length - at, BLOCK_SIZE);
      const piece = this.alloc(count);
      piece.set(bytes.subarray(at, at + count));
      this.commit(piece);
      at += count;
    }
    return !this.#stream.writableNeedDrain;
  }

  /** Writes what is queued. */
  flush(): void {
    const block = this.#block;
    if (!block) return;
    const start = this.#start, end = this.#end;
    this.#start = this.#end = block.used;
    if (end > start) this.#write(block.bytes.subarray(start, end), block);
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
    const stream = this.#stream;
    if (!stream.writable) return; // the other side is gone: late writers are dropped
    this.#unreported += bytes.length;
    if (!block) return void stream.write(bytes);
    block.writing++;
    stream.write(bytes, () => {
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
    if (!this.#reusable || this.#stream.destroyed || block.bytes.length !== BLOCK_SIZE) return;
    if (spare.length >= MAX_SPARE) return;
    block.used = 0;
    spare.push(block);
  }
}
