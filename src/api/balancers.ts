/**
 * Whose PROXY headers a service believes. A header is a bare claim: whoever is believed can name any address, and so get
 * around `source-address`, rate limits and the audit log. So nobody is, unless the configuration says otherwise.
 * @module
 */
import type { Socket } from "node:net";
import { canonicalAddress } from "../base/client_address.ts";
import { takeProxyHeader, type ToldClient } from "../base/proxy_header.ts";
import { addressAllowed } from "./source_address.ts";

/** Nobody's; everybody's, where there is one; those of these addresses and networks, who must send one. */
export type BalancerChoice = "off" | "on" | string[];

/** Finds out where the client of a connection is that was just accepted; undefined: where its other end is. */
export type FindClient = (socket: Socket) => Promise<ToldClient | undefined>;

/** As in `readClientAddressLine`: how long a connection's first bytes may take. */
const FIRST_BYTES_MS = 3000;

/** @returns undefined when no header is believed */
export function findBalancedClient(choice: BalancerChoice): FindClient | undefined {
  if (choice === "off") return undefined;
  const list = choice === "on" ? undefined : choice.join(",");
  return async (socket) => {
    const peer = canonicalAddress(socket.remoteAddress ?? "");
    if (list !== undefined && !addressAllowed(peer, list)) return undefined;
    return await takeProxyHeader(socket, { required: list !== undefined, timeoutMs: FIRST_BYTES_MS });
  };
}
