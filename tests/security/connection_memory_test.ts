/**
 * A connection that is over keeps nothing: no timer of an hour holds its keys and buffers.
 * @module
 */
import { assertLess } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startTestServer } from "../kit/ssh_pair.ts";
import { streamPair } from "../kit/stream_pair.ts";

const COUNT = 100;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

Deno.test("connections of our client that were closed are forgotten", async () => {
  await using server = await startTestServer({});
  const used: WeakRef<object>[] = [];
  for (let i = 0; i < COUNT; i++) {
    const [stream, accepted] = streamPair();
    server.server.accept(accepted, { address: "memory", port: 0 });
    const client = await server.client({ stream });
    used.push(new WeakRef(client.sessionId));
    client.close();
    await client.closed;
  }
  const left = () => used.filter((one) => one.deref() !== undefined).length;
  for (let tries = 0; tries < 20 && left() > COUNT / 10; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    collectGarbage();
  }
  assertLess(left(), COUNT / 2, "of a few the runtime may know yet");
});
