import { assertEquals } from "@std/assert";
import { streamPair } from "../base/stream_pair.ts";
import { startTestServer } from "../../tests/kit/ssh_pair.ts";

/** How long the server's first words have waited when the client comes: some moments are worse than others. */
const TURNS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 40];

Deno.test("a client on a connection in memory hears what was said before it listened", async () => {
  for (const turns of TURNS) {
    await using test = await startTestServer({});
    const [near, far] = streamPair();
    test.server.accept(far, { address: "memory", port: 0 });
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const client = await test.client({ stream: near, timeoutMs: 5000 });
    client.close();
    await client.closed;
  }
});

Deno.test("a server on a connection in memory hears what was said before it listened", async () => {
  for (const turns of TURNS) {
    await using test = await startTestServer({});
    const [near, far] = streamPair();
    const connecting = test.client({ stream: near, timeoutMs: 5000 });
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    test.server.accept(far, { address: "memory", port: 0 });
    const client = await connecting;
    client.close();
    await client.closed;
  }
});

const SIZE = 8 * 1024 * 1024;

Deno.test("a client and a server on the two ends of a connection in memory, with much data both ways", async () => {
  await using test = await startTestServer({
    session: () => ({ exec: (channel) => void channel.pipe(channel) }),
  });
  const [near, far] = streamPair();
  test.server.accept(far, { address: "memory", port: 0 });
  const client = await test.client({ stream: near });
  const session = await client.exec("cat");
  let bytes = 0;
  let sum = 0;
  session.stream.on("data", (piece: Uint8Array) => {
    bytes += piece.length;
    for (const byte of piece) sum = (sum * 31 + byte) % 1_000_003;
  });
  let sent = 0;
  for (let at = 0; at < SIZE; at += 50_000) {
    const piece = Uint8Array.from({ length: Math.min(50_000, SIZE - at) }, (_, i) => (at + i) * 7);
    for (const byte of piece) sent = (sent * 31 + byte) % 1_000_003;
    if (!session.stream.write(piece)) await new Promise((resolve) => session.stream.once("drain", resolve));
  }
  session.stream.end();
  await new Promise((resolve) => session.stream.once("end", resolve));
  assertEquals([bytes, sum], [SIZE, sent]);
  client.close();
  await client.closed;
});
