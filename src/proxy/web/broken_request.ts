/**
 * Answers to bytes that are no HTTP request, or one too large or too slow to become one.
 * @module
 */
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { SECOND } from "../../base/duration.ts";

/** How long the answer may take to leave: a peer that does not read must not hold the connection. */
const GOODBYE = 2 * SECOND;

/** Says what was wrong in a status line and closes. Scanners do this all day, so nothing is logged. */
export function answerBrokenRequests(server: Server, clock: Clock): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const status = statusOf(error.code ?? "");
    if (status === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    const cut = clock.after(GOODBYE, () => socket.destroy());
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
      cut.cancel();
      socket.destroy();
    });
  });
}

/** The status line for an error of the HTTP parser. Of a TLS or socket error nothing can be said to the peer. */
function statusOf(code: string): string | undefined {
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  return code.startsWith("HPE_") ? "400 Bad Request" : undefined;
}
