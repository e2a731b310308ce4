/**
 * What may lie unread of a client: the runtime takes all that comes over TLS, as fast as it comes, whether anybody reads it
 * or not, and keeps it in memory. Telling the socket below to stop would be better, but one that was stopped does not
 * always go on. So who sends that much without being heard is cut off; no page of ours does.
 * @module
 */
import type { Server } from "node:https";
import type { Duplex } from "node:stream";
import { type Clock, every, type Timer } from "../../base/clock.ts";
import { UPLOAD_PART } from "../../model/web.ts";

/** A whole part of an upload for a slow node, and what else was on its way. */
export const MAX_UNREAD = UPLOAD_PART + 8 * 1024 * 1024;
const LOOK_EVERY_MS = 250;

/** `_parent` is the connection below TLS; nobody promises it, a test sees whether it is there. */
type Secure = Duplex & { _parent?: { bytesRead?: number } | null };

interface Watched {
  connection: Secure;
  /** Bytes that came out of TLS. */
  heard: number;
  /** What TLS itself took of the bytes below, as of when nothing lay unread. */
  overhead: number;
}

/** From now on connections to this server that hold more than {@linkcode MAX_UNREAD} end. */
export function boundUnread(server: Server, clock: Clock): void {
  const open = new Set<Watched>();
  let looking: Timer | undefined;
  const look = () => {
    for (const watched of open) {
      const { connection, heard } = watched;
      const silent = (connection._parent?.bytesRead ?? 0) - heard;
      if (connection.readableLength === 0) watched.overhead = silent;
      else if (silent - watched.overhead > MAX_UNREAD) connection.destroy();
    }
  };
  server.on("secureConnection", (connection: Secure) => {
    const watched: Watched = { connection, heard: 0, overhead: 0 };
    const push = connection.push.bind(connection);
    connection.push = (piece: { length: number } | null, encoding?: BufferEncoding) => {
      watched.heard += piece?.length ?? 0;
      return push(piece, encoding);
    };
    open.add(watched);
    looking ??= every(clock, LOOK_EVERY_MS, look);
    connection.once("close", () => {
      open.delete(watched);
      if (open.size > 0) return;
      looking?.cancel();
      looking = undefined;
    });
  });
}
