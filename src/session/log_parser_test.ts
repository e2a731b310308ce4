import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../base/errors.ts";
import { LogLines } from "./log_lines.ts";
import { LogParser } from "./log_parser.ts";
import { formatPrint, MAX_LINE, type PrintEntry } from "./recording_format.ts";

const TIME = "2026-11-22T07:06:24.971Z";
const encode = (text: string) => new TextEncoder().encode(text);

/** Prints of the given lengths, and pauses before them. */
const prints = fc.array(fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 5_000 })));

Deno.test("arbitrary prints, in arbitrary pieces, come back as they were", () => {
  fc.assert(fc.property(prints, fc.integer({ min: 1, max: 300 }), (made, size) => {
    const lines = new LogLines();
    let now = 1_700_000_000_000;
    for (const [bytes, pause] of made) lines.print(new Uint8Array(bytes), now += pause);
    const log = encode(lines.take());
    const parser = new LogParser();
    const found: PrintEntry[] = [];
    for (let at = 0; at < log.length; at += size) {
      for (const { entry } of parser.push(log.subarray(at, at + size))) {
        if (entry.kind === "print") found.push(entry);
      }
    }
    assertEquals(parser.end, log.length);
    assertEquals(found.reduce((sum, print) => sum + print.bytes, 0), made.reduce((sum, [n]) => sum + n, 0));
    assertEquals(
      found.map(({ kind: _, ...print }) => `${formatPrint(print)}\n`).join(""),
      new TextDecoder().decode(log),
    );
  }));
});

Deno.test("arbitrary bytes are read or refused", () => {
  const pieces = fc.array(fc.oneof(fc.uint8Array(), fc.json().map((json) => encode(json + "\n"))));
  fc.assert(fc.property(pieces, (bytes) => {
    const parser = new LogParser();
    try {
      for (const piece of bytes) Array.from(parser.push(piece));
    } catch (error) {
      if (!(error instanceof AppError && error.code === "bad_input")) throw error;
    }
  }));
});

Deno.test("a last line that is cut off is left unread, wherever the cut is", () => {
  const lines = new LogLines();
  lines.print(new Uint8Array(3), 1_000);
  const first = lines.take().length;
  lines.print(new Uint8Array(4), 2_000);
  const log = encode(
    `${formatPrint({ time: TIME, bytes: 3, ms: 0, offset: 0, ei: 0, ci: 0 })}\n${lines.take()}`,
  );
  for (let cut = 0; cut < log.length; cut++) {
    const parser = new LogParser();
    assertEquals(Array.from(parser.push(log.subarray(0, cut))).length, cut < first ? 0 : 1);
    assertEquals(parser.end, cut < first ? 0 : first);
  }
});

Deno.test("a line that does not follow is named", () => {
  const print = { time: TIME, bytes: 8, ms: 5, offset: 0, ei: 0, ci: 0 };
  const refuse = (text: string, reason: string) => {
    const parser = new LogParser();
    assertThrows(() => Array.from(parser.push(encode(text))), AppError, reason);
  };
  const first = `${formatPrint(print)}\n`;
  const second = { ...print, offset: 8, ei: 1, ci: 1 };
  refuse(first + first, "line 2: its ei is 0 and should be 1");
  refuse(`${first}${formatPrint({ ...second, ci: 2 })}\n`, "line 2: its ci is 2 and should be 1");
  refuse(`${first}${formatPrint({ ...second, offset: 9 })}\n`, "line 2: its offset is 9 and should be 8");
  refuse(`${first}${formatPrint({ ...second, ms: 4 })}\n`, "line 2: it is at 4 ms");
  refuse(first + "nonsense\n", "line 2: a line of a session log is not JSON");
});

Deno.test("a line without an end is refused before it fills the memory", () => {
  const parser = new LogParser();
  const piece = new Uint8Array(MAX_LINE / 4).fill(0x20);
  for (let count = 0; count < 4; count++) Array.from(parser.push(piece));
  assertThrows(() => Array.from(parser.push(piece)), AppError, "longer than");
});

Deno.test("bytes that are no text are refused", () => {
  const parser = new LogParser();
  assertThrows(() => Array.from(parser.push(new Uint8Array([0x22, 0xff, 0x22, 0x0a]))), AppError, "line 1");
});
