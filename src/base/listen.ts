/**
 * Serving TCP sockets that the supervisor opened: roles need no permission to listen.
 * @module
 */
import { createServer, type Socket } from "node:net";
import { AppError, messageOf } from "./errors.ts";

/** A listener that can be closed; connections live on. */
export interface Listener {
  close(): void;
}

/** Accepts connections on a listening file descriptor. */
export function listenOn(fd: number, onSocket: (socket: Socket) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.setNoDelay(true);
      onSocket(socket);
    });
    server.once(
      "error",
      (error) =>
        reject(
          new AppError("unavailable", `cannot serve the listening socket: ${messageOf(error)}`, {
            cause: error,
          }),
        ),
    );
    server.listen({ fd }, () => resolve({ close: () => void server.close() }));
  });
}
