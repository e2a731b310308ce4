import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../base/errors.ts";
import { UploadFrames } from "./upload_frames.ts";
import { encodeHeader, FRAME, type FrameKind, MAX_FRAME } from "./upload_protocol.ts";

function encoded(frames: readonly { kind: FrameKind; data: Uint8Array }[]): Uint8Array {
  const bytes = frames.flatMap(({ kind, data }) => [...encodeHeader(kind, data.length), ...data]);
  return new Uint8Array(bytes);
}

Deno.test("however frames are cut, each part gets its bytes in order", () => {
  const frame = fc.record({
    kind: fc.constantFrom<FrameKind>(FRAME.bytes, FRAME.log),
    data: fc.uint8Array({ maxLength: 40 }),
  });
  fc.assert(fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
    const all = encoded([...frames, { kind: FRAME.end, data: new Uint8Array() }]);
    const reader = new UploadFrames();
    const got = { bytes: [] as number[], log: [] as number[] };
    for (let at = 0, next = 0; at < all.length; next++) {
      const length = cuts[next % Math.max(1, cuts.length)] ?? all.length;
      for (const { part, data } of reader.pieces(all.subarray(at, at + length))) got[part].push(...data);
      at += length;
    }
    const of = (kind: FrameKind) =>
      frames.filter((one) => one.kind === kind).flatMap(({ data }) => [...data]);
    assertEquals(got, { bytes: of(FRAME.bytes), log: of(FRAME.log) });
    assertEquals(reader.ended, true);
  }));
});

Deno.test("frames that are too large or unknown are refused, and nothing counts after the end", () => {
  const read = (bytes: Uint8Array) => [...new UploadFrames().pieces(bytes)];
  assertThrows(() => read(new Uint8Array([FRAME.log, 0xff, 0, 0, 0])), AppError, "too large");
  assertThrows(() => read(new Uint8Array([9, 0, 0, 0, 0])), AppError, "unknown kind");
  assertThrows(() => encodeHeader(FRAME.log, MAX_FRAME + 1), AppError, "at most");
  assertEquals(read(new Uint8Array([FRAME.end, 0, 0, 0, 0, 9, 9, 9, 9, 9])), []);
});
