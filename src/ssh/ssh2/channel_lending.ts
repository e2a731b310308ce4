/**
 * Bulk data of channels without copies: a channel borrows what it sends and lends what it receives. Whoever listens to
 * its "data" events gets copies, since a packet is decrypted in memory that the socket uses again.
 * @module
 */
import { Buffer } from "node:buffer";
import { BORROW, type Borrower, isLender, LEND, type Lender } from "../../base/lending.ts";
import type { Ssh2Channel, Ssh2Connection } from "./internals.ts";
import { Channel } from "./library.ts";
import { writeWithinWindow } from "./window_patch.ts";

const consumers = new WeakMap<Ssh2Channel, (piece: Uint8Array) => boolean>();
const prototype = Channel.prototype as Ssh2Channel & Lender & Borrower;
const push = prototype.push;

prototype.push = function (this: Ssh2Channel, chunk: unknown): boolean {
  if (!(chunk instanceof Uint8Array)) return push.call(this, chunk);
  const consumer = consumers.get(this);
  if (!consumer || this.readableLength > 0) return push.call(this, Buffer.from(chunk));
  return consumer(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
};

prototype[LEND] = function (this: Ssh2Channel, consumer) {
  consumers.set(this, consumer);
  return () => this._read(0); // grants window again
};

prototype[BORROW] = function (this: Ssh2Channel, piece) {
  return writeWithinWindow(this, piece);
};

/** Lets a connection's packets be decrypted where the socket has put them. */
export function readInPlace({ _protocol: protocol, _sock: socket }: Ssh2Connection): void {
  if (!isLender(socket)) return;
  socket[LEND]((piece) => {
    // ssh2's own deciphers and the first messages keep references.
    const inPlace = protocol._decipher?.inPlace === true;
    socket.emit(
      "data",
      inPlace ? Buffer.from(piece.buffer, piece.byteOffset, piece.length) : Buffer.from(piece),
    );
    return true;
  });
}
