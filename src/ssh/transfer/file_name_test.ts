import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyText } from "../../../tests/kit/arbitrary.ts";
import { isPlainName, shownName } from "./file_name.ts";

const plain = (name: string) => isPlainName(new TextEncoder().encode(name));

Deno.test("plain names are names of files and nothing else", () => {
  assertEquals(["a", "...", ".a", "..a", "a b", "-rf", "ü"].map(plain), Array(7).fill(true));
  assertEquals(
    ["", ".", "..", "/", "a/", "/a", "a/b", "../x", "a\0", "\0"].map(plain),
    Array(10).fill(false),
  );
});

Deno.test("a plain name stays inside of its folder", () => {
  fc.assert(fc.property(anyText({ maxLength: 20 }), (name) => {
    if (!plain(name)) return;
    const path = new URL(`file:///folder/${encodeURIComponent(name)}`).pathname;
    assertEquals(path.startsWith("/folder/") && path.length > "/folder/".length, true, path);
  }));
});

Deno.test("what is shown of a name cannot act on a terminal", () => {
  assertEquals(shownName("a\x1b[31mb\n\u202e"), "a\\x1b[31mb\\x0a\\u202e");
  fc.assert(fc.property(anyText(), (text) => {
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/.test(shownName(text)), false);
  }));
});
