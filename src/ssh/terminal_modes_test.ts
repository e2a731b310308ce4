import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { modeNames, parseModes } from "./terminal_modes.ts";

Deno.test("modes are known by the numbers of RFC 4254 section 8", () => {
  assertEquals([...parseModes({ VINTR: 3, ECHO: 1, TTY_OP_OSPEED: 38400, IUTF8: 1 })], [
    [1, 3],
    [53, 1],
    [129, 38400],
    [42, 1],
  ]);
});

Deno.test("whatever a peer sends as modes becomes known opcodes with numbers, or nothing", () => {
  const names = fc.oneof(
    fc.constantFrom("ECHO", "VINTR", "__proto__", "constructor", "toString"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.dictionary(names, fc.anything())), (modes) => {
      for (const [opcode, value] of parseModes(modes)) {
        assert(Number.isInteger(opcode) && opcode >= 1 && opcode <= 159);
        assertEquals(typeof value, "number");
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("modes survive the way to names and back", () => {
  const opcodes = [...parseModes(Object.fromEntries(Object.entries(modeNames(allModes()))))];
  assertEquals(new Map(opcodes), allModes());
});

function allModes(): Map<number, number> {
  const modes = new Map<number, number>();
  for (let opcode = 1; opcode < 160; opcode++) modes.set(opcode, opcode * 3);
  return parseModes(modeNames(modes));
}
