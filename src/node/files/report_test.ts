import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyText } from "../../../tests/kit/arbitrary.ts";
import { FILE_ACTIONS, MAX_REPORT_LINE, MAX_REPORT_TEXT, parseReport, type Report } from "./report.ts";

const text = anyText({ maxLength: 40 });
const action = fc.constantFrom(...FILE_ACTIONS);
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const deed = fc.record({
  action,
  path: text,
  real: text,
  target: text,
  len: count,
  change: text,
  error: text,
}, { requiredKeys: ["action", "path"] });
const report: fc.Arbitrary<Report> = fc.oneof(
  fc.record({ type: fc.constant("opened"), id: count, action, path: text }),
  fc.record({ type: fc.constant("done"), id: count, deed }, { requiredKeys: ["type", "deed"] }),
  fc.record({ type: fc.constant("fault"), text }),
);

Deno.test("reports are read as they were written", () => {
  fc.assert(fc.property(report, (report) => {
    const line = JSON.stringify(report);
    assertEquals(JSON.parse(JSON.stringify(parseReport(line))), JSON.parse(line));
  }));
});

Deno.test("what is no report is none, and throws nothing", () => {
  for (
    const line of [
      "",
      "null",
      "[]",
      "1",
      "{",
      "{}",
      '{"type":"done"}',
      '{"type":"done","deed":null}',
      '{"type":"done","deed":{"action":"session.end","path":"/"}}',
      '{"type":"done","deed":{"action":"read","path":1}}',
      '{"type":"done","deed":{"action":"read","path":"/","len":-1}}',
      '{"type":"done","deed":{"action":"read","path":"/","len":"1"}}',
      '{"type":"done","id":"1","deed":{"action":"read","path":"/"}}',
      '{"type":"opened","id":1.5,"action":"read","path":"/"}',
      `{"type":"fault","text":${JSON.stringify("x".repeat(MAX_REPORT_TEXT + 1))}}`,
    ]
  ) assertEquals(parseReport(line), undefined, line.slice(0, 80));
  fc.assert(fc.property(fc.json(), (line) => void parseReport(line)));
});

Deno.test("a report can add no field of its own to an event", () => {
  const line = '{"type":"done","deed":{"action":"read","path":"/","user":"root","event":"user.login"}}';
  const parsed = parseReport(line);
  assertEquals(
    parsed?.type === "done" && Object.entries(parsed.deed).filter(([, value]) => value !== undefined),
    [
      ["action", "read"],
      ["path", "/"],
    ],
  );
});

Deno.test("the longest report fits its line", () => {
  const longest = "\0".repeat(MAX_REPORT_TEXT);
  const deed = {
    action: "read",
    path: longest,
    real: longest,
    target: longest,
    change: longest,
    error: longest,
  };
  assertEquals(JSON.stringify({ type: "done", id: 1, deed }).length <= MAX_REPORT_LINE, true);
});
