import { assertEquals, assertRejects } from "@std/assert";
import { createServer, type Server } from "node:net";
import { textOf } from "../../../tests/kit/stream_pair.ts";
import { AppError } from "../../base/errors.ts";
import { socketAddress } from "../../base/socket_address.ts";
import { libc } from "./libc.ts";
import { connectTcp } from "./tcp_socket.ts";
import { isRoot, openDescriptors, until, withUser } from "./test_kit.ts";
import { currentUser } from "./user.ts";

const me = currentUser();

/** Says how much it got, once the other side has ended. */
async function withServer(body: (port: number, server: Server) => Promise<void>): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let length = 0;
    socket.on("data", (chunk) => length += chunk.length);
    socket.once("end", () => socket.end(String(length)));
    socket.on("error", () => {}); // ended by a test
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body((server.address() as { port: number }).port, server);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

Deno.test("a connection carries bytes both ways, and either direction may end first", () =>
  withServer(async (port) => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const stream = await connectTcp(host, port, me);
      assertEquals([stream.remoteAddress, stream.remotePort], ["127.0.0.1", port]);
      stream.end(new Uint8Array(3_000_000));
      assertEquals(await textOf(stream), "3000000");
    }
  }));

Deno.test("who cannot be reached is named with the reason, and nothing stays open", () =>
  withServer(async (port, server) => {
    await new Promise((resolve) => server.close(resolve));
    await assertRejects(() => connectTcp("no-such-host.invalid", 22, me), AppError);
    const before = openDescriptors();
    const refused = (host: string, reason: string) =>
      assertRejects(
        () => connectTcp(host, port, me),
        AppError,
        `cannot connect to ${host}:${port}: ${reason}`,
      );
    await refused("127.0.0.1", "nobody listens there");
    await refused("localhost", "nobody listens there");
    await refused("no-such-host.invalid", "the name cannot be resolved");
    await refused("fe80", "the name cannot be resolved");
    await assertRejects(() => connectTcp("fe80::1%lo", port, me), AppError);
    assertEquals(openDescriptors(), before);
    server.listen(0);
  }));

Deno.test("who does not answer is given up in time, and the socket with it", async () => {
  // A listener that never accepts, and whose line is full: further connections stay unanswered.
  const { family, bytes } = socketAddress("127.0.0.1", 0);
  const listener = libc().socket(family, 1, 0);
  libc().bind(listener, bytes, bytes.length);
  libc().listen(listener, 0);
  const line = (await Deno.readTextFile("/proc/net/tcp")).split("\n").map((text) => text.trim().split(/\s+/))
    .find(([, , , state, , , , , , inode]) => state === "0A" && inode === inodeOf(listener));
  const port = parseInt(line?.[1]?.split(":")[1] ?? "", 16);
  const before = openDescriptors();
  const first = await connectTcp("127.0.0.1", port, me);
  const error = await assertRejects(() => connectTcp("127.0.0.1", port, me, 200), AppError);
  assertEquals([error.code, error.message], [
    "timeout",
    `127.0.0.1:${port} did not answer within 0.2 seconds`,
  ]);
  first.destroy();
  await until("descriptors to be closed", () => openDescriptors() === before);
  libc().close(listener);
});

/** The inode of a socket, as /proc/net/tcp has it. */
function inodeOf(fd: number): string | undefined {
  return /\d+/.exec(Deno.readLinkSync(`/proc/self/fd/${fd}`))?.[0];
}

Deno.test({
  name: "the kernel counts the connection as the user's",
  ignore: !isRoot,
  fn: () =>
    withServer((port) =>
      withUser(async (user) => {
        const stream = await connectTcp("127.0.0.1", port, user);
        const wanted = `${stream.localPort?.toString(16).toUpperCase().padStart(4, "0")}`;
        const line = (await Deno.readTextFile("/proc/net/tcp")).split("\n").map((text) =>
          text.trim().split(/\s+/)
        )
          .find(([, local]) => local?.endsWith(`:${wanted}`));
        assertEquals(line?.[7], String(user.uid));
        stream.end();
        await textOf(stream);
      })
    ),
});
