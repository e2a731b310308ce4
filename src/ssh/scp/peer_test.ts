import { assertEquals, assertRejects } from "@std/assert";
import { Duplex } from "node:stream";
import { AppError } from "../../base/errors.ts";
import { ScpPeer } from "./peer.ts";

Deno.test("the last words of a program that is gone are heard before it is said to be gone", async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const peer = new ScpPeer(stream);
  const heard = new Promise((resolve) => stream.once("data", resolve));
  stream.push("hello\n");
  await heard;
  stream.destroy();
  await peer.good();
  assertEquals(new TextDecoder().decode(await peer.line()), "hello");
  await assertRejects(() => peer.good(), AppError, "the other side is gone");
});
