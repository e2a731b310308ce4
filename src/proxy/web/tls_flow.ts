/**
 * Back-pressure for connections with TLS: the runtime decrypts all that a client sends as fast as it comes, whether
 * anybody reads it or not, and keeps it in memory. So the socket below is told to stop while nobody does.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Server } from "node:https";

/** What reads from the network. */
interface Handle {
  readStart(): unknown;
  readStop(): unknown;
}

/** A connection as node:tls makes it, over one of node:net. None of this is promised: a test sees whether it holds. */
type TlsConnection = Duplex & { _parent?: { _handle?: Partial<Handle> | null } | null };

/** From now on a client of this server sends no faster than is read. */
export function holdBackClients(server: Server): void {
  server.on("secureConnection", (connection: TlsConnection) => {
    const push = connection.push.bind(connection), read = connection._read.bind(connection);
    const handle = (): Partial<Handle> | undefined => connection._parent?._handle ?? undefined;
    connection.push = (piece: unknown, encoding?: BufferEncoding) => {
      const more = push(piece, encoding);
      if (!more && piece !== null && !connection.destroyed) handle()?.readStop?.();
      return more;
    };
    connection._read = (size) => {
      if (!connection.destroyed) handle()?.readStart?.();
      read(size);
    };
  });
}
