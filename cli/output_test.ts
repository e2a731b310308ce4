import { assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { labelText, printableCell, table, tableTime, yamlText } from "./output.ts";

Deno.test("columns are as wide as their content is on the screen", async () => {
  assertEquals(
    await table(["Node Name", "Labels"], [["データベース", "os=linux"], ["café", "x"]]),
    "Node Name    Labels\n---------    ------\nデータベース os=linux\ncafé         x\n",
  );
});

Deno.test("a table has columns as wide as their content and dashes as wide as the heading", async () => {
  assertEquals(
    await table(["User", "Allowed Logins"], [["joe", "joe,root"], ["a-long-name", "x"]]),
    "User        Allowed Logins\n----        --------------\njoe         joe,root\na-long-name x\n",
  );
});

Deno.test("a cell cannot move the cursor, end the line or turn the text around", async () => {
  assertEquals(printableCell("a\x1b[2Jb\nc\u202ed"), "a?[2Jb?c?d");
  assertEquals(await table(["H"], [["x\r\ny"]]), "H\n-\nx??y\n");
});

Deno.test("times are shown in RFC 822 style, or as never", () => {
  assertEquals(tableTime(Date.UTC(2016, 4, 17, 3, 51)), "17 May 16 03:51 UTC");
  assertEquals(tableTime(undefined), "never");
});

Deno.test("labels are shown as key=value pairs", () => {
  assertEquals(labelText({ role: "master", env: "prod" }), "role=master,env=prod");
});

Deno.test("YAML of text that turns lines around or moves the cursor shows it as escapes, and reads back the same", async () => {
  for (
    const value of [{ a: "x\u202ey" }, { a: "x\u009b2Jy" }, { "k\u2028": 1 }, { a: "x\u0007\n\u001b[2J" }]
  ) {
    const text = await yamlText(value);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/.test(text), false, text);
    assertEquals(parse(text), value);
  }
});

Deno.test("YAML keeps long lines and repeated values as they are", async () => {
  const list = ["a"];
  const value = { text: "word ".repeat(60).trim(), key: "one\ntwo\n", list, again: list };
  assertEquals(
    await yamlText(value),
    `text: ${value.text}\nkey: |\n  one\n  two\nlist:\n  - a\nagain:\n  - a\n`,
  );
});
