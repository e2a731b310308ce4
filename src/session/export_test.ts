import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../base/errors.ts";
import { readAsciicast, toAsciicast } from "./asciicast.ts";
import { toPlainText } from "./plain_text.ts";
import type { RecordingFrame } from "./reader.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function* framesOf(
  ...pieces: (string | Uint8Array | [number, number])[]
): AsyncGenerator<RecordingFrame> {
  let ms = 0;
  for (const piece of pieces) {
    if (Array.isArray(piece)) yield { ms, resize: { columns: piece[0], rows: piece[1] } };
    else yield { ms, data: typeof piece === "string" ? encode(piece) : piece };
    ms += 250;
  }
}

const plain = async (...pieces: (string | Uint8Array)[]) =>
  (await Array.fromAsync(toPlainText(framesOf(...pieces)))).join("");

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

Deno.test("an asciicast has a header with the size, output with its time, and sizes", async () => {
  const lines = await Array.fromAsync(
    toAsciicast(framesOf([90, 30], "$ ", [100, 40], "bye\r\n"), "joe on luna"),
  );
  assertEquals(lines.map((line) => JSON.parse(line)), [
    { version: 2, width: 90, height: 30, title: "joe on luna" },
    [0.25, "o", "$ "],
    [0.5, "r", "100x40"],
    [0.75, "o", "bye\r\n"],
  ]);
});

Deno.test("a character that is cut between two pieces is whole in an asciicast", async () => {
  const euro = encode("€");
  const lines = await Array.fromAsync(toAsciicast(framesOf(euro.subarray(0, 1), euro.subarray(1)), "t"));
  assertEquals(lines.slice(1).map((line) => JSON.parse(line)), [[0.25, "o", "€"]]);
});

Deno.test("what is exported to an asciicast plays as it was", async () => {
  const text = (await Array.fromAsync(toAsciicast(framesOf([90, 30], "one", "\x1b[1mtwo", [5, 6]), "t")))
    .join("");
  for (const size of [1, 10, 1000]) {
    const frames = await Array.fromAsync(readAsciicast(pieces(text, size)));
    assertEquals(frames, await Array.fromAsync(framesOf([90, 30], "one", "\x1b[1mtwo", [5, 6])));
  }
});

Deno.test("a file that is no asciicast is refused with its line", async () => {
  const refuse = async (text: string, reason: string) => {
    await assertRejects(() => Array.fromAsync(readAsciicast(pieces(text, 100))), AppError, reason);
  };
  const header = '{"version":2,"width":80,"height":24}\n';
  await refuse("", "empty");
  await refuse("nonsense", "line 1");
  await refuse('{"version":1}', "version 2");
  await refuse('{"version":2,"width":80,"height":0}', "no size");
  await refuse(`${header}[0.1,"o","a"]\n{}\n`, "line 3");
  await refuse(`${header}["x","o","a"]\n`, "line 2");
});

Deno.test("plain text has lines as they were in the end, and nothing a terminal acts on", async () => {
  assertEquals(await plain("ls -lx\b \b\r\nfile\r\n"), "ls -l\nfile\n");
  assertEquals(await plain("10%\r50%\r100%\n"), "100%\n");
  assertEquals(
    await plain("\x1b[31mred\x1b[0m \x1b]0;title\x07and\x1b]8;;http://x\x1b\\ link\r\n"),
    "red and link\n",
  );
  assertEquals(await plain("abcdef\x1b[3D\x1b[K!\n"), "abc!\n");
  assertEquals(await plain("\x1b", "[3", "1mcut\x1b]0;ti", "tle\x07!\n"), "cut!\n");
  assertEquals(await plain("a\tb\n\x07\x9b\u202ec"), "a       b\nc\n");
});

Deno.test("whatever was recorded, plain text is plain", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 })), async (output) => {
    const text = await plain(...output);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(text), false);
  }));
});

Deno.test("any file is read or refused", async () => {
  const header = '{"version":2,"width":80,"height":24}\n';
  const lines = fc.array(fc.oneof(fc.json(), fc.string(), fc.json().map((json) => `[1,"r",${json}]`)));
  await fc.assert(fc.asyncProperty(lines, fc.boolean(), async (made, begun) => {
    try {
      await Array.fromAsync(readAsciicast(pieces((begun ? header : "") + made.join("\n"), 7)));
    } catch (error) {
      if (!(error instanceof AppError && error.code === "bad_input")) throw error;
    }
  }));
});
