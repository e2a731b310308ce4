/**
 * A bound on answers that nobody reads. Requests cost their sender little and each is answered at once; a peer that sends
 * them for ever and reads nothing would have us keep all the answers.
 * @module
 */
import type { Ssh2Connection } from "./internals.ts";

/** More than any client asks before it looks at the first answer. */
const MAX_UNREAD = 5000;
/** So many are not worth a look: hardly a connection ever has more. */
const FREE = 500;

/**
 * Counts one connection's answers since everything older has left.
 * @param cut must end the connection
 * @returns to be called for each answer
 */
export function boundAnswers(library: Ssh2Connection, cut: (reason: string) => void): () => void {
  let unread = 0;
  return () => {
    if (++unread === FREE) library._sock.write("", () => unread = 0); // calls back when all that was written before is gone
    if (unread > MAX_UNREAD) cut(`more than ${MAX_UNREAD} answers wait for a peer that does not read`);
  };
}
