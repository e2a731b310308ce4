/**
 * How large a packet may be. Before a peer has shown who it is, no more than RFC 4253 section 6.1 asks for is gathered;
 * after that as much as OpenSSH takes, which puts a whole command, however long, into one packet.
 * @module
 */
import type { Buffer } from "node:buffer";

type OnPayload = (payload: Buffer) => unknown;

const BEFORE = 40_000, AFTER = 256 * 1024;
const phases = new WeakMap<OnPayload, () => boolean>();

/** @param onPayload takes the packets of one connection, with all its keys @param authenticated tells its phase */
export function boundPackets(onPayload: OnPayload, authenticated: () => boolean): void {
  phases.set(onPayload, authenticated);
}

/** @returns the most bytes of a packet that `onPayload` may be given at this moment */
export function packetBound(onPayload: OnPayload): () => number {
  const authenticated = phases.get(onPayload);
  return () => authenticated?.() ? AFTER : BEFORE;
}
