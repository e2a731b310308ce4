/**
 * Ending a connection with a reason that the other side can show (RFC 4253 section 11.1); ssh2 sends none.
 * @module
 */
import { setTimeout } from "node:timers";
import { WireWriter } from "../wire.ts";
import type { Ssh2Connection } from "./internals.ts";
import { sendUrgently } from "./library.ts";

const DISCONNECT = 1;
/** How long the reason may take to leave. */
const GRACE_MS = 1000;

export const REASON = { protocolError: 2, keyExchangeFailed: 3, tooManyConnections: 12 } as const;

/** Tells the other side why, reads nothing more from it, and closes. Possible at any time, also during a key exchange. */
export function disconnectWith(library: Ssh2Connection, code: number, text: string): void {
  const { _protocol: protocol, _sock: socket } = library;
  protocol._parse = (_chunk, _at, end) => end;
  if (socket.writable) {
    sendUrgently(protocol, new WireWriter().byte(DISCONNECT).uint32(code).string(text).string("").bytes());
  }
  socket.end();
  setTimeout(() => socket.destroy(), GRACE_MS).unref();
}
