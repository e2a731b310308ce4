import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { AppError } from "../../base/errors.ts";
import { streamPair } from "../../../tests/kit/stream_pair.ts";
import { speaksSsh } from "./spoken_first.ts";

/** What becomes of a client that sends these pieces. */
async function first(...pieces: string[]): Promise<{ ssh: boolean; left: string }> {
  const [near, far] = streamPair();
  const asked = speaksSsh(near as unknown as Socket, 200);
  for (const piece of pieces) {
    far.write(piece);
    await new Promise((resolve) => far.write("", resolve));
  }
  const ssh = await asked;
  let left = "";
  near.on("data", (chunk: Buffer) => left += chunk.toString("latin1"));
  await new Promise<void>((resolve) => {
    near.once("end", resolve);
    far.end();
  });
  near.destroy();
  return { ssh, left };
}

Deno.test("SSH and TLS are told apart by their first bytes, however they come, and nothing is lost", async () => {
  assertEquals(await first("SSH-2.0-Teleport\r\nmore"), { ssh: true, left: "SSH-2.0-Teleport\r\nmore" });
  assertEquals(await first("S", "S", "H", "-2.0"), { ssh: true, left: "SSH-2.0" });
  assertEquals(await first("\x16\x03\x01\x02"), { ssh: false, left: "\x16\x03\x01\x02" });
  assertEquals(await first("SSL?"), { ssh: false, left: "SSL?" });
  assertEquals(await first("GET / HTTP/1.1\r\n"), { ssh: false, left: "GET / HTTP/1.1\r\n" });
  assertEquals(await first(), { ssh: false, left: "" });
});

Deno.test("a client that leaves before it has said anything is an error", async () => {
  const [near, far] = streamPair();
  const asked = speaksSsh(near as unknown as Socket, 5000);
  far.destroy();
  near.destroy();
  await assertRejects(() => asked, AppError, "went away");
});
