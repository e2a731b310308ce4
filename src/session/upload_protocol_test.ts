import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { decodeSizes, encodeFrame, encodeSizes, FRAME, HEADER, MAX_FRAME } from "./upload_protocol.ts";

Deno.test("a frame is its kind, its length and its data", () => {
  assertEquals([...encodeFrame(FRAME.log, new Uint8Array([7, 8]))], [2, 0, 0, 0, 2, 7, 8]);
  assertEquals([...encodeFrame(FRAME.end)], [3, 0, 0, 0, 0]);
  assertEquals(encodeFrame(FRAME.bytes, new Uint8Array(MAX_FRAME)).length, HEADER + MAX_FRAME);
  assertThrows(() => encodeFrame(FRAME.bytes, new Uint8Array(MAX_FRAME + 1)), AppError, "at most");
});

Deno.test("the server's sizes make the trip", () => {
  const sizes = { bytes: 5 * 1024 ** 3, log: 17 };
  const opening = encodeSizes(sizes);
  assertEquals(opening.length, 16);
  assertEquals(decodeSizes(opening), sizes);
  assertThrows(() => decodeSizes(opening.subarray(1)), AppError, "16 bytes");
  assertThrows(() => decodeSizes(new Uint8Array(16).fill(0xff)), AppError, "no file");
});
