import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError, isAppError } from "../../base/errors.ts";
import { isPlainName } from "../transfer/file_name.ts";
import { formatError, formatRecord, formatTimes, parseScpLine } from "./lines.ts";

const encoder = new TextEncoder();
const line = (text: string) => parseScpLine(encoder.encode(text));

Deno.test("files, folders, times and ends are read", () => {
  const name = encoder.encode("a name.txt");
  assertEquals(line("C0644 123 a name.txt"), { type: "file", mode: 0o644, size: 123, name });
  assertEquals(line("D2755 0 a name.txt"), { type: "directory", mode: 0o2755, name });
  assertEquals(line("E"), { type: "end" });
  assertEquals(line("T1700000000 0 1600000000 999999"), {
    type: "times",
    times: { modified: 1_700_000_000, accessed: 1_600_000_000 },
  });
  assertEquals(line("\x01oops"), { type: "error", fatal: false, message: encoder.encode("oops") });
  assertEquals(line("\x02"), { type: "error", fatal: true, message: encoder.encode("") });
});

Deno.test("what was written is read again, whatever bytes the name has", () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 100 }).filter((name) =>
    isPlainName(name) && !name.includes(10)
  );
  const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const type = fc.constantFrom("file", "directory");
  fc.assert(fc.property(type, fc.integer({ min: 0, max: 0o7777 }), size, name, (type, mode, size, name) => {
    const record = formatRecord(type, mode, size, name);
    assertEquals(record.at(-1), 10);
    const read = parseScpLine(record.subarray(0, -1));
    assertEquals(read, type === "file" ? { type, mode, size, name } : { type, mode, name });
  }));
});

Deno.test("times are written as they are read", () => {
  const times = { modified: 1_700_000_001, accessed: 1_700_000_002 };
  assertEquals(parseScpLine(formatTimes(times).subarray(0, -1)), { type: "times", times });
});

Deno.test("a newline in a name or message cannot begin a line of its own", () => {
  const text = new TextDecoder().decode(formatRecord("file", 0o644, 1, encoder.encode("a\nC0777 1 b")));
  assertEquals(text, "C0644 1 a\\^JC0777 1 b\n");
  assertEquals(new TextDecoder().decode(formatError("a\nb")), "\x01scp: a\\^Jb\n");
});

for (
  const [text, why] of [
    ["", "unexpected <newline>"],
    ["X", "expected control record"],
    ["C", "bad mode"],
    ["C0944 1 a", "bad mode"],
    ["C06444 1 a", "bad mode"],
    ["C0644", "bad mode"],
    ["C0644 a", "size not delimited"],
    ["C0644 -1 a", "size not delimited"],
    ["C0644 1", "size not delimited"],
    ["C0644 99999999999999999999999 a", "size not delimited"],
    ["C0644 9999999999999999999 a", "size out of range"],
    ["T1 0", "times not delimited"],
    ["T1 0 1 1000000", "times not delimited"],
    ["T-1 0 1 0", "times not delimited"],
    ["T9999999999999999 0 1 0", "times out of range"],
  ] as const
) {
  Deno.test(`a broken line is refused: ${JSON.stringify(text)}`, () => {
    assertThrows(() => line(text), AppError, why);
  });
}

for (const name of ["", ".", "..", "/", "a/b", "../a", "/etc/passwd", "a\0b", "\0"]) {
  Deno.test(`a name that leads elsewhere is refused: ${JSON.stringify(name)}`, () => {
    assertThrows(() => line(`C0644 1 ${name}`), AppError, "unexpected filename");
    assertThrows(() => line(`D0755 0 ${name}`), AppError, "unexpected filename");
  });
}

Deno.test("random bytes are a line or an error", () => {
  const start = fc.constantFrom("C0644 ", "D0755 0", "T1 ", "E", "", "C", "\x01", "\x02").map((text) => [
    ...encoder.encode(text),
  ]);
  fc.assert(fc.property(start, fc.uint8Array({ maxLength: 60 }), (start, rest) => {
    try {
      parseScpLine(Uint8Array.from([...start, ...rest]));
    } catch (error) {
      assertEquals(isAppError(error, "bad_input"), true, String(error));
    }
  }));
});
