/**
 * How large a packet may be. Before a peer has shown who it is, no more than RFC 4253 section 6.1 asks for is gathered;
 * after that as much as OpenSSH takes, which puts a whole command, however long, into one packet.
 * @module
 */
import type { Buffer } from "node:buffer";

const AUTHENTICATED: unique symbol = Symbol("authenticated");

/** What takes the packets of one connection, whatever its keys are. */
interface OnPayload {
  (payload: Buffer): unknown;
  [AUTHENTICATED]?: () => boolean;
}

const BEFORE = 40_000, AFTER = 256 * 1024;

/** @param authenticated tells the phase of the connection */
export function boundPackets(onPayload: OnPayload, authenticated: () => boolean): void {
  onPayload[AUTHENTICATED] = authenticated;
}

/** @returns the most bytes of a packet that `onPayload` may be given at this moment */
export function packetBound(onPayload: OnPayload): number {
  return onPayload[AUTHENTICATED]?.() ? AFTER : BEFORE;
}
