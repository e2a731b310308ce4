import { assertEquals } from "@std/assert";
import { labelText, printableCell, table, tableTime } from "./output.ts";

Deno.test("a table has columns as wide as their content and dashes as wide as the heading", () => {
  assertEquals(
    table(["User", "Allowed Logins"], [["joe", "joe,root"], ["a-long-name", "x"]]),
    "User        Allowed Logins\n----        --------------\njoe         joe,root\na-long-name x\n",
  );
});

Deno.test("a cell cannot move the cursor, end the line or turn the text around", () => {
  assertEquals(printableCell("a\x1b[2Jb\nc\u202ed"), "a?[2Jb?c?d");
  assertEquals(table(["H"], [["x\r\ny"]]), "H\n-\nx??y\n");
});

Deno.test("times are shown in RFC 822 style, or as never", () => {
  assertEquals(tableTime(Date.UTC(2016, 4, 17, 3, 51)), "17 May 16 03:51 UTC");
  assertEquals(tableTime(undefined), "never");
});

Deno.test("labels are shown as key=value pairs", () => {
  assertEquals(labelText({ role: "master", env: "prod" }), "role=master,env=prod");
});
