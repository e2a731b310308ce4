import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { decodeSizes, encodeHeader, encodeSizes, FRAME, HEADER, MAX_FRAME } from "./upload_protocol.ts";

Deno.test("before a frame's data stand its kind and its length", () => {
  assertEquals([...encodeHeader(FRAME.log, 2)], [2, 0, 0, 0, 2]);
  assertEquals([...encodeHeader(FRAME.end, 0)], [3, 0, 0, 0, 0]);
  assertEquals(encodeHeader(FRAME.bytes, MAX_FRAME).length, HEADER);
  assertThrows(() => encodeHeader(FRAME.bytes, MAX_FRAME + 1), AppError, "at most");
});

Deno.test("the server's sizes make the trip", () => {
  const sizes = { bytes: 5 * 1024 ** 3, log: 17 };
  const opening = encodeSizes(sizes);
  assertEquals(opening.length, 16);
  assertEquals(decodeSizes(opening), sizes);
  assertThrows(() => decodeSizes(opening.subarray(1)), AppError, "16 bytes");
  assertThrows(() => decodeSizes(new Uint8Array(16).fill(0xff)), AppError, "no file");
});
