import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { OutputTail, TAIL } from "./output_tail.ts";
import { PrivateModes } from "./private_modes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a tail holds exactly the last of what was pushed, in whatever pieces", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 70_000 }), { maxLength: 12 }), (lengths) => {
      const tail = new OutputTail();
      const all: number[] = [];
      for (const length of lengths) {
        const piece = Uint8Array.from({ length }, (_, i) => (all.length + i * 7) % 251);
        tail.push(piece);
        for (const byte of piece) all.push(byte);
      }
      assertEquals(tail.bytes(), Uint8Array.from(all.slice(-TAIL)));
    }),
    { numRuns: 20 },
  );
});

Deno.test("a piece larger than a tail leaves its own end", () => {
  const tail = new OutputTail();
  tail.push(bytes("first"));
  tail.push(new Uint8Array(TAIL + 10).fill(5));
  tail.push(bytes("last"));
  assertEquals(tail.bytes().length, TAIL);
  assertEquals(tail.bytes().subarray(-5), Uint8Array.of(5, ...bytes("last")));
});

Deno.test("a mode that was set before the tail begins is still known, and that of the screen as it is now", () => {
  const tail = new OutputTail();
  tail.push(bytes("\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[31mred"));
  assertEquals([tail.modesBefore(), tail.modes().alternateScreen], ["", true]);
  for (let i = 0; i < 40; i++) tail.push(new Uint8Array(4000).fill(65));
  assertEquals(tail.modesBefore(), "\x1b[?1049h\x1b[?25l\x1b[?2004h");
  assertEquals(tail.modes().alternateScreen, true);
  tail.push(bytes("\x1b[?1049l"));
  assertEquals(tail.modes().alternateScreen, false);
});

Deno.test("modes are found wherever a sequence is cut, and only in sequences that are whole", () => {
  const stream = bytes(
    "a\x1b[?1;25l\x1b[0m\x1b]0;title ?1049h\x07\x1b[?10\x18\x1b[?1049\x1b[?1006hb\x1bM\x1b[?7l",
  );
  for (let size = 1; size <= stream.length; size++) {
    const modes = new PrivateModes();
    for (let at = 0; at < stream.length; at += size) modes.scan(stream.subarray(at, at + size));
    assertEquals(modes.sequence(), "\x1b[?1l\x1b[?25l\x1b[?1006h\x1b[?7l");
  }
  const modes = new PrivateModes();
  modes.scan(bytes("\x1b[?1049h\x1bc"));
  assertEquals([modes.sequence(), modes.alternateScreen], ["", false]);
  modes.scan(bytes(`\x1b[?${"1;".repeat(5000)}`));
  modes.scan(bytes("\x1b[?25h"));
  assertEquals(modes.sequence(), "\x1b[?25h");
});
