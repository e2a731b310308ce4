/**
 * Finding out that a peer is gone although its connection still stands: after a silence it is asked, and when it stays
 * silent it is given up. One timer for each connection; packets only leave a mark.
 * @module
 */
import { clearInterval, setInterval } from "node:timers";
import type { GlobalRequests } from "./global_requests.ts";
import type { Ssh2Connection } from "./internals.ts";
import { Server } from "./library.ts";

/** Questions that may stay without an answer, as OpenSSH's ServerAliveCountMax and ClientAliveCountMax. */
const MAX_UNANSWERED = 3;

// ssh2's own would take answers for its own that are not. This is what a server falls back to when it is given none.
(Server as unknown as { KEEPALIVE_CLIENT_INTERVAL: number }).KEEPALIVE_CLIENT_INTERVAL = 0;

/**
 * Watches one connection until it closes.
 * @param intervalMs the silence after which the peer is asked
 * @param dead called once, when it has not answered
 */
export function keepAlive(
  library: Ssh2Connection,
  requests: GlobalRequests,
  intervalMs: number,
  dead: () => void,
): void {
  const protocol = library._protocol;
  const onPacket = protocol._onPacket;
  let heard = true;
  let unanswered = 0;
  protocol._onPacket = () => {
    heard = true;
    onPacket();
  };
  const timer = setInterval(() => {
    if (heard) {
      heard = false;
      unanswered = 0;
    } else if (unanswered++ < MAX_UNANSWERED) {
      requests.ping().catch(() => {}); // no answer in time, or closed: both are noticed without it
    } else {
      clearInterval(timer);
      dead();
    }
  }, intervalMs);
  timer.unref();
  const stop = () => clearInterval(timer);
  library.once("end", stop).once("close", stop);
}
