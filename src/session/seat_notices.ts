/**
 * For clients that ask for it: which session they are in, and the size that rules there; see `ssh/session_notice.ts`.
 * @module
 */
import type { WindowSize } from "../ssh/channel.ts";
import { SESSION_NOTICE, SESSION_NOTICES, writeSessionNotice } from "../ssh/session_notice.ts";

export class SeatNotices {
  #wanted = false;
  #tell: (type: string, fields: Uint8Array) => void = () => {};

  /** @param tell sends the client a channel request that wants no answer */
  open(tell: (type: string, fields: Uint8Array) => void): void {
    this.#tell = tell;
  }

  /** @returns whether the variable asks for notices; it is for nobody else then */
  takes(variable: string): boolean {
    if (variable !== SESSION_NOTICES) return false;
    this.#wanted = true;
    return true;
  }

  /** Tells of a seat and, later, of each other size. Undefined for a client that has not asked. */
  get onSeated(): ((sid: string, size: WindowSize) => void) | undefined {
    if (!this.#wanted) return undefined;
    return (sid, { columns, rows }) => this.#tell(SESSION_NOTICE, writeSessionNotice({ sid, columns, rows }));
  }
}
