/**
 * Texts for property tests. fast-check's own `unit: "binary"` builds a table of all of Unicode, which takes seconds in
 * each test file; this covers the same ground, with more of what breaks things.
 * @module
 */
import fc from "fast-check";

const unit = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0, max: 0x1f }),
  fc.integer({ min: 0x7f, max: 0x9f }),
  fc.constantFrom(0x22, 0x2c, 0x5c, 0x2028, 0x2029, 0xfeff, 0x200b, 0x202e, 0xfffd),
  fc.integer({ min: 0xa0, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10ffff }),
).map((codePoint) => String.fromCodePoint(codePoint));

/** Any text of whole characters: control characters, quotes, separators and the far ends of Unicode included. */
export function anyText(options: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<string> {
  return fc.array(unit, options).map((characters) => characters.join(""));
}
