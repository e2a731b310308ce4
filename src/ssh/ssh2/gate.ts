/**
 * The one gate that decides which message is legal in which phase (RFC 4250 section 4.1). Key exchange messages never
 * come here: ssh2 diverts them while an exchange runs. Whatever the gate refuses ends the connection before any
 * handler sees it.
 * @module
 */
import type { Buffer } from "node:buffer";
import { isAppError } from "../../base/errors.ts";
import { WireReader } from "../wire.ts";
import { boundPackets } from "./packet_bound.ts";
import type { Ssh2Connection } from "./internals.ts";

export type Side = "server" | "client";
export type Phase = "authenticating" | "authenticated";

const TRANSPORT = [1, 2, 3, 4, 20]; // disconnect, ignore, unimplemented, debug, kexinit
const CONNECTION = [80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100];

/** The messages a side may receive. Everything else is illegal. */
const LEGAL: Readonly<Record<Side, Readonly<Record<Phase, ReadonlySet<number>>>>> = {
  server: {
    authenticating: new Set([...TRANSPORT, 5, 7, 50, 61]), // service request, ext-info, userauth request, info response
    authenticated: new Set([...TRANSPORT, ...CONNECTION]),
  },
  client: {
    authenticating: new Set([...TRANSPORT, 6, 7, 51, 52, 53, 60]), // service accept, ext-info, failure, success, banner
    authenticated: new Set([...TRANSPORT, ...CONNECTION]),
  },
};

/** True when `side` may receive message `number` in `phase`. */
export function isLegal(side: Side, phase: Phase, number: number): boolean {
  return LEGAL[side][phase].has(number);
}

/** Before authentication a peer may send this much; then it is cut off. */
const MAX_MESSAGES = 200;
const MAX_BYTES = 256 * 1024;

export interface Gate {
  /** Ends the connection; nothing that comes after it is looked at. */
  cut(reason: string): void;
  /** Takes a kind of message away from ssh2. A handler that throws AppError `bad_input` ends the connection. */
  take(number: number, handler: (fields: WireReader) => void): void;
}

/**
 * Installs the gate on a connection.
 * @param authenticated tells the phase
 * @param refuse called once with the reason when a message is illegal; it must end the connection
 */
export function installGate(
  connection: Ssh2Connection,
  side: Side,
  authenticated: () => boolean,
  refuse: (reason: string) => void,
): Gate {
  const protocol = connection._protocol;
  const dispatch = protocol._onPayload;
  const taken = new Map<number, (fields: WireReader) => void>();
  let messages = 0;
  let bytes = 0;
  let refused = false;
  const cut = (reason: string) => {
    if (refused) return;
    refused = true;
    refuse(reason);
  };
  const hand = (number: number, handler: (fields: WireReader) => void, payload: Buffer) => {
    protocol._onPacket(); // as ssh2 does for every message: the peer lives
    try {
      handler(new WireReader(payload.subarray(1)));
    } catch (error) {
      if (!isAppError(error, "bad_input")) throw error;
      cut(`message ${number} is malformed: ${error.message}`);
    }
  };
  protocol._onPayload = (payload: Buffer) => {
    if (refused) return;
    const open = authenticated();
    const number = payload[0];
    if (!open) {
      messages++;
      bytes += payload.length;
    }
    const flooded = messages > MAX_MESSAGES || bytes > MAX_BYTES;
    if (
      number === undefined || flooded || !isLegal(side, open ? "authenticated" : "authenticating", number)
    ) {
      return cut(
        flooded && !open
          ? "too many messages before authentication"
          : `message ${number} is not allowed ${open ? "after" : "before"} authentication`,
      );
    }
    const own = taken.get(number);
    return own ? hand(number, own, payload) : dispatch(payload);
  };
  boundPackets(protocol._onPayload, authenticated);
  return { cut, take: (number, handler) => void taken.set(number, handler) };
}
