import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../base/errors.ts";
import { parseLabels, splitWords } from "./labels.ts";

Deno.test("parseLabels reads fixed, quoted and command labels", () => {
  assertEquals(
    parseLabels('role=db,note="a, \\"b\\"",uptime=[1m:"uptime -p"],arch=[1h:/bin/uname -m],empty='),
    {
      fixed: { role: "db", note: 'a, "b"', empty: "" },
      commands: [
        { name: "uptime", command: ["uptime", "-p"], periodMs: 60_000 },
        { name: "arch", command: ["/bin/uname", "-m"], periodMs: 3_600_000 },
      ],
    },
  );
});

Deno.test("parseLabels reads the example of the manual", () => {
  const { commands } = parseLabels('uptime=[1m:"uptime -p"],kernel=[1h:"uname -r"]');
  assertEquals(commands.map(({ command }) => command), [["uptime", "-p"], ["uname", "-r"]]);
});

Deno.test("parseLabels names the piece at fault", () => {
  const cases: [string, string][] = [
    ["a=b,c", 'bad label "c"'],
    ["a=b,a=c", "given twice"],
    ["ä=b", "not a label name"],
    ['a="b', "a quote is not closed"],
    ['a="b"c', "text follows the value"],
    ["a=[1m:x", "the bracket is not closed"],
    ["up=[uptime]", "key=[period:command]"],
    ["up=[soon:uptime]", '"soon" is not a duration'],
    ["up=[1m:]", "the command is missing"],
    ["a=[1m:x]y", "text follows the value"],
  ];
  for (const [spec, message] of cases) assertThrows(() => parseLabels(spec), AppError, message, spec);
});

Deno.test("parseLabels keeps names such as __proto__", () => {
  assertEquals(Object.keys(parseLabels("__proto__=a,constructor=b").fixed), ["__proto__", "constructor"]);
});

Deno.test("splitWords splits on blanks outside quotes", () => {
  assertEquals(splitWords('  "/opt/my prog"  -x a"b c"d '), ["/opt/my prog", "-x", "ab cd"]);
  assertEquals(splitWords('a "b'), undefined);
  assertEquals(splitWords(""), []);
});

Deno.test("parseLabels fails with nothing but AppError", () => {
  const char = fc.constantFrom(...'ab=,[]:"\\ 1m\n');
  fc.assert(fc.property(fc.oneof(fc.string({ unit: char }), fc.string()), (spec) => {
    try {
      parseLabels(spec);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});

Deno.test("parseLabels reads back any quoted value", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme-ascii" }), (value) => {
    assertEquals(parseLabels(`k="${value.replace(/["\\]/g, "\\$&")}",x=y`).fixed, { k: value, x: "y" });
  }));
});

Deno.test("a period that no timer can wait is refused", () => {
  assertThrows(() => parseLabels("a=[999999d:uptime]"), AppError, "too long");
});
