/**
 * Moving bulk data between streams without an allocation for each piece. A lender gives its own memory, valid only during
 * the call; a borrower takes or copies what it needs before it returns. Streams that are neither are joined the usual way.
 * @module
 */
import { Buffer } from "node:buffer";
import type { OnReadOpts, Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { BlockOutput } from "./block_output.ts";

/** Names the method of lenders. */
export const LEND: unique symbol = Symbol("lend");
/** Names the method of borrowers. */
export const BORROW: unique symbol = Symbol("borrow");

/** A stream that can hand out its own memory. */
export interface Lender {
  /**
   * Pieces are no Buffers: the `slice` of those does not copy.
   *
   * From now on what comes goes to `consumer` and no more into the stream. What the stream held before, the end and
   * errors stay events.
   * @param consumer returns false to get no more for now; what is under way already still comes
   * @returns asks for more after that
   */
  [LEND](consumer: (piece: Uint8Array) => boolean): () => void;
}

/** A stream that is done with a piece when the call returns. */
export interface Borrower {
  /** @returns false when it has enough; its "drain" event tells when to go on */
  [BORROW](piece: Uint8Array): boolean;
}

export function isLender(stream: unknown): stream is Lender {
  return typeof stream === "object" && stream !== null && LEND in stream;
}

function isBorrower(stream: unknown): stream is Borrower {
  return typeof stream === "object" && stream !== null && BORROW in stream;
}

/** Gives a piece to any stream. @returns false when it has enough; its "drain" event tells when to go on */
export function give(to: Writable, piece: Uint8Array): boolean {
  return isBorrower(to) ? to[BORROW](piece) : to.write(Buffer.from(piece));
}

/** {@linkcode BORROW} for streams whose `_write` is done with the memory when it returns. */
export function borrowByWrite(stream: Writable, piece: Uint8Array): boolean {
  // While something waits, the stream would keep a reference.
  return stream.write(stream.writableLength > 0 ? Buffer.from(piece) : piece);
}

/**
 * Hands everything that comes out of a stream to `take`, which is done with it when it returns.
 * @param take returns false to get no more for now
 * @returns asks for more after that
 */
export function receive(from: Readable, take: (piece: Uint8Array) => boolean): () => void {
  const more = isLender(from) ? from[LEND](take) : undefined;
  from.on("data", (piece: Uint8Array) => {
    if (!take(piece)) from.pause();
  });
  return () => {
    from.resume();
    more?.();
  };
}

/** Like `from.pipe(to)`: everything, then the end, no faster than `to` takes it. */
export function flow(from: Readable, to: Writable): void {
  to.on("drain", receive(from, (piece) => give(to, piece)));
  from.once("end", () => to.end());
}

const READ_SIZE = 256 * 1024;
/** One for all sockets of a thread: filled and handed out within one turn. */
let readBuffer: Uint8Array | undefined;

/**
 * Makes a socket a lender and a borrower. It reads 256 KiB at a time into memory that all sockets share, and writes what
 * it is given in a turn at once.
 * @param make makes the socket with this option
 */
export function lendingSocket(make: (onread: OnReadOpts) => Socket): Socket & Lender & Borrower {
  let consumer: ((piece: Uint8Array) => boolean) | undefined;
  const socket = make({
    buffer: readBuffer ??= new Uint8Array(READ_SIZE),
    callback(length, buffer) {
      const piece = buffer.subarray(0, length);
      // What the stream still holds comes first.
      return consumer && socket.readableLength === 0 ? consumer(piece) : socket.push(Buffer.from(piece));
    },
  });
  const output = new BlockOutput(socket);
  const end = socket.end;
  return Object.assign(socket, {
    [LEND](to: (piece: Uint8Array) => boolean) {
      consumer = to;
      return () => void socket.resume();
    },
    [BORROW]: (piece: Uint8Array) => output.append(piece),
    end(this: Socket, ...rest: unknown[]) {
      output.flush();
      return Reflect.apply(end, this, rest);
    },
  });
}
