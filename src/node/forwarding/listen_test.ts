import { assertEquals, assertRejects } from "@std/assert";
import { createServer, type Server } from "node:net";
import { said } from "../../../tests/kit/text_service.ts";
import { AppError } from "../../base/errors.ts";
import { listenOnLoopback } from "./listen.ts";

/** Takes a port of one address for itself. */
function occupy(host: string): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, host, () => resolve({ server, port: (server.address() as { port: number }).port }));
  });
}

const greet = (socket: { end(text: string): unknown }) => void socket.end("hello");

Deno.test("any free port is the same one on all addresses, and closing frees it", async () => {
  const bound = await listenOnLoopback(["127.0.0.1", "::1"], 0, greet);
  assertEquals(await said(bound.port), "hello");
  bound.close();
  assertEquals(await said(bound.port), undefined);
});

Deno.test("one address that is not there or taken is no matter, none at all is an error with the reason", async () => {
  const { server, port } = await occupy("127.0.0.1");
  const error = await assertRejects(() => listenOnLoopback(["127.0.0.1"], port, greet), AppError);
  assertEquals(error.message, `cannot listen on 127.0.0.1:${port}: another program listens there`);
  await assertRejects(
    () => listenOnLoopback(["192.0.2.1"], 0, greet),
    AppError,
    "cannot listen on 192.0.2.1:0",
  );
  const bound = await listenOnLoopback(["192.0.2.1", "127.0.0.1"], 0, greet);
  assertEquals(await said(bound.port), "hello");
  bound.close();
  server.close();
});
