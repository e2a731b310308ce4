import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../base/errors.ts";
import { formatPrint, formatSessionEvent, MAX_LINE, parseLine, partName } from "./recording_format.ts";

const SID = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10";
const TIME = "2026-11-22T07:06:24.971Z";

Deno.test("files are named by the session", () => {
  assertEquals(partName(SID, "bytes"), `${SID}.session.bytes`);
  assertEquals(partName(SID, "log"), `${SID}.session.log`);
  assertThrows(() => partName("../../etc/passwd", "log"), AppError, "uuid");
});

Deno.test("a print line is written as players of this format know it", () => {
  const print = { time: TIME, bytes: 8, ms: 0, offset: 0, ei: 1, ci: 0 };
  const line = `{"time":"${TIME}","event":"print","bytes":8,"ms":0,"offset":0,"ei":1,"ci":0}`;
  assertEquals(formatPrint(print), line);
  assertEquals(parseLine(line), { kind: "print", ...print });
});

Deno.test("an event line has sorted keys and its place", () => {
  const line = formatSessionEvent(
    { event: "resize", user: "alice", size: "90:25", login: undefined },
    TIME,
    5,
  );
  assertEquals(line, `{"ei":5,"event":"resize","size":"90:25","time":"${TIME}","user":"alice"}`);
  assertEquals(parseLine(line), {
    kind: "event",
    event: "resize",
    time: TIME,
    ei: 5,
    fields: { ei: 5, event: "resize", size: "90:25", time: TIME, user: "alice" },
  });
});

Deno.test("an event that fits no line is refused", () => {
  const command = "x".repeat(MAX_LINE);
  assertThrows(() => formatSessionEvent({ event: "exec", command }, TIME, 0), AppError, "longer");
});

Deno.test("lines of other shapes are refused", () => {
  const lines = [
    "",
    "null",
    "[]",
    "{}",
    `{"event":"print"}`,
    `{"event":"resize","time":"noon","ei":1}`,
    `{"event":"resize","time":"${TIME}"}`,
    `{"event":"resize","time":"${TIME}","ei":1,"more":{}}`,
    `{"event":"print","time":"${TIME}","ei":1,"ci":0,"ms":0,"offset":-1,"bytes":8}`,
    `{"event":"print","time":"${TIME}","ei":1,"ci":0,"ms":0,"offset":0,"bytes":1.5}`,
    `{"event":"print","time":"${TIME}","ei":1,"ci":0,"ms":0,"offset":0,"bytes":"8"}`,
  ];
  for (const line of lines) assertThrows(() => parseLine(line), AppError, "session log");
});

Deno.test("any event makes the trip", () => {
  const value = fc.oneof(fc.string(), fc.boolean(), fc.integer());
  fc.assert(fc.property(fc.dictionary(fc.string(), value), fc.nat(), (fields, ei) => {
    const line = formatSessionEvent({ ...fields, event: "resize" }, TIME, ei);
    const entry = parseLine(line);
    assertEquals(JSON.stringify(entry.kind === "event" && entry.fields), line);
    assertEquals(entry.ei, ei);
  }));
});

Deno.test("any line is read or refused", () => {
  const line = fc.oneof(fc.string(), fc.json(), fc.json().map((json) => `{"event":"print","time":${json}}`));
  fc.assert(fc.property(line, (text) => {
    try {
      parseLine(text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});
