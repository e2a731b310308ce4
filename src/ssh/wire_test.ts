import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { anyText } from "../../tests/kit/arbitrary.ts";
import { AppError } from "../base/errors.ts";
import { padded, WireReader, WireWriter, withoutLeadingZeros } from "./wire.ts";

const READS = ["byte", "boolean", "uint32", "uint64", "string", "text", "rest", "end"] as const;

Deno.test("whatever is read from whatever bytes, the reader stays within them and fails with an AppError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.constantFrom(...READS)), (bytes, reads) => {
      const reader = new WireReader(bytes);
      try {
        for (const read of reads) {
          const value = reader[read]();
          if (Buffer.isBuffer(value)) assert(value.length <= bytes.length);
        }
      } catch (error) {
        assert(error instanceof AppError && error.code === "bad_input", String(error));
      }
      assert(reader.offset >= 0 && reader.offset <= bytes.length);
      assertEquals(reader.offset + reader.remaining, bytes.length);
    }),
  );
});

Deno.test("what was written is read back", () => {
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.boolean(),
      fc.nat(0xffff_ffff),
      fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
      fc.uint8Array(),
      anyText(),
      (byte, flag, small, large, bytes, text) => {
        const reader = new WireReader(
          new WireWriter().byte(byte).boolean(flag).uint32(small).uint64(large).string(bytes).string(text)
            .raw(bytes)
            .bytes(),
        );
        assertEquals(reader.byte(), byte);
        assertEquals(reader.boolean(), flag);
        assertEquals(reader.uint32(), small);
        assertEquals(reader.uint64(), large);
        assertEquals(Uint8Array.from(reader.string()), bytes);
        assertEquals(reader.text(), text);
        assertEquals(Uint8Array.from(reader.rest()), bytes);
        reader.end();
      },
    ),
  );
});

Deno.test("multiple precision integers are written as RFC 4251 section 5 shows them", () => {
  const hex = (...bytes: number[]) => new WireWriter().mpint(Uint8Array.from(bytes)).bytes().toString("hex");
  assertEquals(hex(), "00000000");
  assertEquals(hex(0), "00000000");
  assertEquals(hex(0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7), "0000000809a378f9b2e332a7");
  assertEquals(hex(0x80), "000000020080");
  assertEquals(hex(0, 0, 0x7f), "000000017f");
});

Deno.test("a length that points beyond the end is refused before anything is allocated", () => {
  for (const length of [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const reader = new WireReader(new WireWriter().uint32(length).bytes());
    assertThrows(() => reader.string(), AppError, "ends too early");
  }
});

Deno.test("text that is not UTF-8 is refused", () => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    const reader = new WireReader(new WireWriter().string(Uint8Array.from(bytes)).bytes());
    assertThrows(() => reader.text(), AppError, "not UTF-8");
  }
});

Deno.test("a byte order mark is text, not dropped: two names that look alike stay two names", () => {
  const reader = new WireReader(new WireWriter().string("\ufeffroot").bytes());
  assertEquals(reader.text(), "\ufeffroot");
});

Deno.test("a number is brought to its length or refused when it does not fit", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      const stripped = withoutLeadingZeros(bytes);
      if (stripped.length > 32) return void assertThrows(() => padded(bytes, 32), AppError, "too large");
      const full = padded(bytes, 32);
      assertEquals(full.length, 32);
      assertEquals(withoutLeadingZeros(full), stripped);
    }),
  );
});
