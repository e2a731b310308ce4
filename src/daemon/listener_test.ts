import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { AppError } from "../base/errors.ts";
import { ListeningSocket } from "./listener.ts";

async function answers(fd: number, host: string, port: number): Promise<string> {
  const server = createServer((socket) => socket.end("hello"));
  server.listen({ fd });
  await once(server, "listening");
  const client = connect(port, host);
  let text = "";
  client.on("data", (chunk) => text += chunk);
  await once(client, "close");
  server.close();
  await once(server, "close");
  return text;
}

Deno.test("a socket is opened on a free port, served by its number, and survives whoever served it", async () => {
  const socket = await ListeningSocket.open({ host: "127.0.0.1", port: 0 });
  assertEquals(socket.address.port > 0, true);
  for (let i = 0; i < 2; i++) {
    assertEquals(await answers(socket.duplicate(), "127.0.0.1", socket.address.port), "hello");
  }
  socket.close();
});

Deno.test("IPv6 and names can be listened on", async () => {
  const six = await ListeningSocket.open({ host: "::1", port: 0 });
  assertEquals(await answers(six.duplicate(), "::1", six.address.port), "hello");
  six.close();
  const name = await ListeningSocket.open({ host: "localhost", port: 0 });
  name.close();
});

Deno.test("a port that is taken, or an address that is not ours, is named in the error", async () => {
  const socket = await ListeningSocket.open({ host: "127.0.0.1", port: 0 });
  const { port } = socket.address;
  await assertRejects(
    () => ListeningSocket.open({ host: "127.0.0.1", port }),
    AppError,
    `127.0.0.1:${port}: another program`,
  );
  socket.close();
  await assertRejects(
    () => ListeningSocket.open({ host: "203.0.113.1", port: 0 }),
    AppError,
    "does not have that address",
  );
});
