/**
 * Accepting TCP connections. Roles serve sockets that the supervisor opened, so they need no permission to listen.
 * @module
 */
import { createServer, Socket } from "node:net";
import { AppError, messageOf } from "./errors.ts";
import { lendingSocket } from "./lending.ts";

/** A listener that can be closed; connections live on. */
export interface Listener {
  readonly port: number;
  close(): void;
}

/**
 * Accepts connections.
 * @param where a listening file descriptor, or an address to listen on
 */
export function listenOn(
  where: number | { host: string; port: number },
  onSocket: (socket: Socket) => void,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) => {
      const socket = asLending(accepted);
      socket.setNoDelay(true);
      onSocket(socket);
    });
    // Also later ones, as of a system without free descriptors: nobody but this listener is to suffer.
    server.on("error", (error) => {
      const text = `cannot serve the listening socket: ${messageOf(error)}`;
      reject(new AppError("unavailable", text, { cause: error }));
    });
    server.listen(typeof where === "number" ? { fd: where } : where, () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address ? address.port : 0,
        close: () => void server.close(),
      });
    });
  });
}

/** node:net's server makes sockets that read into new memory each time: the connection moves to one of ours. */
function asLending(accepted: Socket): Socket {
  const inner = accepted as unknown as { _handle: unknown };
  const handle = inner._handle;
  inner._handle = null;
  return lendingSocket((onread) => {
    const options = { handle, allowHalfOpen: true, onread };
    return new Socket(options);
  });
}
