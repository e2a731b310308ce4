/**
 * What a client of a port that two protocols share speaks: SSH begins with a line of its own (RFC 4253 section 4.2), TLS
 * and HTTP never so.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { AppError } from "../../base/errors.ts";

const MARK = Buffer.from("SSH-", "latin1");

/**
 * Looks at the first bytes, which stay in the socket. Nobody else may read it before.
 * @returns false also for a client that says nothing in time
 * @throws {AppError} closed
 */
export function speaksSsh(socket: Socket, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      for (const event of ["close", "end", "error"]) socket.off(event, onGone);
      if (seen.length > 0) socket.unshift(seen);
      outcome();
    };
    const onGone = () => settle(() => reject(new AppError("closed", "the client went away")));
    const onReadable = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        seen = Buffer.concat([seen, chunk]);
      }
      const length = Math.min(seen.length, MARK.length);
      const differs = seen.compare(MARK, 0, length, 0, length) !== 0;
      if (differs || length === MARK.length) settle(() => resolve(!differs));
    };
    const timer = setTimeout(() => settle(() => resolve(false)), timeoutMs);
    socket.on("readable", onReadable);
    for (const event of ["close", "end", "error"]) socket.once(event, onGone);
    onReadable();
  });
}
