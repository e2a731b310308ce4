/**
 * How much channel data a connection has moved, either way: a count that only tells whether something came or went since
 * it was last looked at. Keep-alives and requests are no data.
 * @module
 */
import type { Ssh2Connection } from "./internals.ts";

const counts = new WeakMap<object, number>();

/** To be called for each message of incoming, and each write of outgoing data. */
export function countTraffic(library: object): void {
  counts.set(library, (counts.get(library) ?? 0) + 1);
}

export function trafficOf(library: Ssh2Connection): number {
  return counts.get(library) ?? 0;
}
