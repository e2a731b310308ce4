/**
 * The way of sealed packets to the socket: built and encrypted in the block that leaves.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { BlockOutput } from "../../base/block_output.ts";
import type { Ssh2Connection } from "./internals.ts";

/** What ssh2 calls with bytes for the peer, and through which our ciphers find the connection's output. */
export interface PacketWrite {
  (data: Buffer): void;
  output?: BlockOutput;
}

/**
 * Makes a connection's packets leave together. Call it before the first key exchange ends.
 * @param onWritten told, between packets, how many bytes left
 */
export function installOutput(library: Ssh2Connection, onWritten?: (bytes: number) => void): void {
  const socket = library._sock;
  const output = new BlockOutput(socket, onWritten);
  const write: PacketWrite = (data) => output.commit(data);
  write.output = output;
  library._protocol._onWrite = write;
  const end = socket.end;
  socket.end = function (this: Duplex, ...rest: unknown[]) {
    output.flush(); // the last message before the end says why
    return Reflect.apply(end, this, rest);
  } as Duplex["end"];
}
