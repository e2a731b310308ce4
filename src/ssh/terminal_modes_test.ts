import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError, isAppError } from "../base/errors.ts";
import { encodeModes, parseModes } from "./terminal_modes.ts";

Deno.test("modes are opcodes with a number each, up to the end or an opcode nobody defined", () => {
  const bytes = [1, 0, 0, 0, 3, 42, 0, 0, 0, 1, 129, 0, 0, 0x96, 0];
  const modes: [number, number][] = [[1, 3], [42, 1], [129, 38400]];
  assertEquals([...parseModes(new Uint8Array(bytes))], modes, "without an end mark");
  assertEquals([...parseModes(new Uint8Array([...bytes, 0, 53, 1]))], modes);
  assertEquals([...parseModes(new Uint8Array([...bytes, 160, 1]))], modes);
  assertEquals([...parseModes(new Uint8Array())], []);
});

Deno.test("modes that are cut off are refused", () => {
  assertThrows(() => parseModes(new Uint8Array([53, 0, 0])), AppError, "in the middle");
});

Deno.test("whatever a peer sends as modes becomes opcodes with numbers, or bad input", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    try {
      for (const [opcode, value] of parseModes(bytes)) {
        assert(opcode >= 1 && opcode <= 159 && value >= 0 && value <= 0xffff_ffff);
      }
    } catch (error) {
      assert(isAppError(error, "bad_input"));
    }
  }));
});

Deno.test("modes survive being encoded", () => {
  const opcode = fc.integer({ min: 1, max: 159 });
  fc.assert(fc.property(fc.array(fc.tuple(opcode, fc.nat(0xffff_ffff))), (entries) => {
    const modes = new Map(entries);
    assertEquals(parseModes(encodeModes(modes)), modes);
  }));
});
