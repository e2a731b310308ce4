/**
 * Flow control of incoming channel data (RFC 4254 section 5.2). ssh2 keeps whatever comes, also past the window that it
 * granted, so a peer could fill our memory. Here such a peer is cut off.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Ssh2Channel, Ssh2Connection } from "./internals.ts";
import { Channel } from "./library.ts";
import { countTraffic } from "./traffic.ts";

/**
 * Installs the check on one connection. Call it before channels open.
 * @param cut must end the connection
 */
export function installIncomingWindow(library: Ssh2Connection, cut: (reason: string) => void): void {
  const { _handlers: handlers, _server: server } = library._protocol;
  for (const name of ["CHANNEL_DATA", "CHANNEL_EXTENDED_DATA"]) {
    const receive = handlers[name];
    handlers[name] = (protocol, recipient, data, type) => {
      const entry = library._chanMgr.get(recipient as number);
      if (!(entry instanceof Channel)) return; // it crossed our refusal
      countTraffic(library);
      const { incoming } = entry as Ssh2Channel;
      const { length } = data as Buffer;
      if (length > incoming.window) {
        return cut(`channel ${recipient} got ${length} bytes with a window of ${incoming.window}`);
      }
      // No client has a use for extended data: a server drops it, but it counts.
      if (server && name === "CHANNEL_EXTENDED_DATA") incoming.window -= length;
      else receive?.(protocol, recipient, data, type);
    };
  }
}
