import { assertEquals } from "@std/assert";
import { Duplex, PassThrough } from "node:stream";
import { joinStreams } from "./duplex.ts";

/** Two ends of one connection. */
function connection(): [Duplex, Duplex] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [Duplex.from({ readable: back, writable: there }), Duplex.from({ readable: there, writable: back })];
}

/** Everything until the end; unlike iteration, it leaves the other direction open. */
function text(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    let all = "";
    stream.on("data", (chunk) => all += chunk);
    stream.once("end", () => resolve(all));
  });
}

Deno.test("what goes in at one end comes out at the other, and the end of one direction leaves the other open", async () => {
  const [client, a] = connection();
  const [b, server] = connection();
  const joined = joinStreams(a, b);
  client.end("question");
  assertEquals(await text(server), "question");
  server.end("answer");
  assertEquals(await text(client), "answer");
  await joined;
});

Deno.test("a stream that breaks takes the other with it", async () => {
  const [a, b] = [new PassThrough(), new PassThrough()];
  const joined = joinStreams(a, b);
  const gone = new Promise<void>((resolve) => b.once("close", () => resolve()));
  a.destroy(new Error("broken"));
  await gone;
  await joined;
  assertEquals(b.destroyed, true);
});
