/**
 * When a connection changes its keys (RFC 4253 section 9): after so many bytes in both directions together, after so
 * much time, or when the other side asks, which ssh2 answers by itself. Whatever is sent meanwhile waits in ssh2's queue;
 * the queue and the time are bounded.
 * @module
 */
import type { Buffer } from "node:buffer";
import { setTimeout } from "node:timers";
import { counter } from "../../base/metrics.ts";
import type { Ssh2Connection } from "./internals.ts";

export interface RekeyPolicy {
  /** Bytes, of both directions. */
  bytes: number;
  /** Milliseconds. A connection that carries nothing keeps its keys until it does. */
  intervalMs: number;
  /** Milliseconds that one key exchange may take. */
  timeoutMs: number;
}

/** What OpenSSH does for ciphers with small blocks, and what RFC 4253 recommends for time. */
export const DEFAULT_REKEY: Readonly<RekeyPolicy> = {
  bytes: 1024 ** 3,
  intervalMs: 3_600_000,
  timeoutMs: 60_000,
};

const exchanges = counter("teleport_ssh_key_exchanges_total", "First key exchanges of SSH connections");
const rekeys = counter(
  "teleport_ssh_rekeys_total",
  "Later key exchanges, which change the keys of a connection",
);

/** Messages that may wait for the end of a key exchange; channel data is bounded by its windows. */
const MAX_QUEUE = 20_000;

/**
 * Keeps the keys of one connection fresh. Call it before the first key exchange ends.
 * @param broken called with the reason when a key exchange does not come to its end; it must end the connection
 * @returns to be called with the number of bytes of each write and each read
 */
export function keepKeysFresh(
  library: Ssh2Connection,
  policy: RekeyPolicy,
  broken: (reason: string) => void,
): (bytes: number) => void {
  const protocol = library._protocol;
  let volume = 0;
  let first = true;
  let due = false;
  let interval: ReturnType<typeof setTimeout> | undefined;
  let deadline: ReturnType<typeof setTimeout> | undefined;

  const stop = () => {
    clearTimeout(interval);
    clearTimeout(deadline);
  };
  const rekey = () => {
    // Not while packets are in the making, nor before the login: so much cannot have passed by then.
    if (!first && protocol._kexinit === undefined && library._sock.writable) protocol.rekey();
  };
  /** Watches an exchange that either side has begun. */
  const watch = () => {
    if (deadline !== undefined) return;
    deadline = setTimeout(() => broken("the key exchange was not finished in time"), policy.timeoutMs);
    deadline.unref();
  };
  library.on("handshake", () => {
    (first ? exchanges : rekeys).add();
    stop();
    deadline = undefined;
    volume = 0;
    first = due = false;
    interval = setTimeout(() => {
      due = true;
      if (volume > 0) rekey();
    }, policy.intervalMs);
    interval.unref();
  });
  library.on("close", stop);

  return (bytes) => {
    volume += bytes;
    if (first) return;
    if (protocol._kexinit !== undefined) {
      watch();
      if ((protocol._queue?.length ?? 0) > MAX_QUEUE) broken("too many messages during a key exchange");
    } else if (due || volume >= policy.bytes) rekey();
  };
}

/** Bytes that come in, as ssh2 gets them. */
export function countIncoming(library: Ssh2Connection, count: (bytes: number) => void): void {
  library._sock.on("data", (data: Buffer) => count(data.length));
}
