/**
 * Servers that say goodbye before anybody knows who they are, with a text for somebody's terminal.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { AppError } from "../../src/base/errors.ts";
import { streamPair } from "../../src/base/stream_pair.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { WireWriter } from "../../src/ssh/wire.ts";

const DISCONNECT = 1, PROTOCOL_ERROR = 2, BLOCK = 8, LEAST_PADDING = 4;

/** A packet of RFC 4253 section 6, before there are keys. */
function packet(payload: Uint8Array): Buffer {
  const short = BLOCK - (5 + payload.length) % BLOCK;
  const padding = short < LEAST_PADDING ? short + BLOCK : short;
  const head = new WireWriter().uint32(1 + payload.length + padding).byte(padding).bytes();
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}

Deno.test("what a server says as it disconnects reaches no terminal and no log as it is", async () => {
  const [near, far] = streamPair();
  const text = `\x1b]0;pwned\x07\x1b[2Jall is well\r\nJan 1 sshd: root logged in\u009b31m${"x".repeat(5000)}`;
  const goodbye = new WireWriter().byte(DISCONNECT).uint32(PROTOCOL_ERROR).string(text).string("").bytes();
  far.on("error", () => far.destroy());
  far.resume();
  far.write("SSH-2.0-hostile\r\n");
  far.write(packet(goodbye));
  const refused = () => {
    throw new AppError("unauthenticated", "nobody is believed here");
  };
  const error = await assertRejects(
    () => connectSsh({ stream: near, username: "joe", verifyHost: refused, timeoutMs: 5000 }),
    AppError,
    "all is well Jan 1",
  );
  assertEquals(/[\p{Cc}]/u.test(error.message), false, JSON.stringify(error.message));
  assert(error.message.length < 1100);
  far.destroy();
});
