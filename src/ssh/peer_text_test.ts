import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { peerText } from "./peer_text.ts";

Deno.test("a peer's text loses what a terminal would act on, and what is too much", () => {
  assertEquals(peerText(Buffer.from("no\x1b[2J way\r\n\x9b31m\u2028done")), "no [2J way 31m done");
  assertEquals(peerText(Buffer.from([0x6f, 0x6b, 0xff])), "ok\ufffd");
  assertEquals(peerText(Buffer.alloc(1_000_000, "x")).length, 1000);
});
