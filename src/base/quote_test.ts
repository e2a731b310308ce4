import { assertEquals } from "@std/assert";
import { quote } from "./quote.ts";

Deno.test("quote escapes terminal controls and direction marks", () => {
  assertEquals(quote("a\u001b[2Jb"), '"a\\u001b[2Jb"');
  assertEquals(quote("a\u202eb\u009b"), '"a\\u202eb\\u009b"');
  assertEquals(quote('say "hi"'), '"say \\"hi\\""');
});

Deno.test("quote cuts long text", () => {
  assertEquals(quote("x".repeat(500)).length, 83);
});
