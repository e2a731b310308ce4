import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { compileGlob, expandBraces } from "./glob.ts";

for (
  const [pattern, fits, fitsNot] of [
    ["*.txt", ["a.txt", ".txt"], ["a.txtx", "txt"]],
    ["a?c", ["abc", "a\u{1f600}c"], ["ac", "abbc"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "x"]],
    ["[!a-c]x", ["dx"], ["ax"]],
    ["[^a]", ["b"], ["a"]],
    ["[]a]", ["]", "a"], ["b"]],
    ["[a-]", ["a", "-"], ["b"]],
    ["[a", ["[a"], ["a"]],
    ["\\*", ["*"], ["a"]],
    ["a*b*c", ["abc", "axxbyyc"], ["acb"]],
    ["**", ["", "anything"], []],
    ["plain", ["plain"], ["plain2"]],
    ["", [""], ["a"]],
  ] as [string, string[], string[]][]
) {
  Deno.test(`the pattern "${pattern}" fits what it should`, () => {
    const glob = compileGlob(pattern);
    assertEquals(fits.filter((name) => !glob.matches(name)), []);
    assertEquals(fitsNot.filter((name) => glob.matches(name)), []);
  });
}

Deno.test("a pattern without wildcards is known as one", () => {
  assertEquals(["a", "\\*", "a\\?b"].map((pattern) => compileGlob(pattern).wild), [false, false, false]);
  assertEquals(["*", "a?", "[a]"].map((pattern) => compileGlob(pattern).wild), [true, true, true]);
});

Deno.test("a name of the other side cannot make matching slow", () => {
  const glob = compileGlob(`${"*a".repeat(100)}b`);
  const start = performance.now();
  assertEquals(glob.matches("a".repeat(16_000)), false);
  assertEquals(performance.now() - start < 2000, true);
});

Deno.test("a star fits whatever stands in its place", () => {
  const text = fc.string({ maxLength: 10 }).filter((text) => !/[*?[\]\\]/.test(text));
  fc.assert(fc.property(text, fc.string({ maxLength: 20 }), text, (before, middle, after) => {
    assertEquals(compileGlob(`${before}*${after}`).matches(`${before}${middle}${after}`), true);
  }));
});

Deno.test("braces are alternatives", () => {
  assertEquals(expandBraces("a{b,c}d"), ["abd", "acd"]);
  assertEquals(expandBraces("{a,b{1,2}}"), ["a", "b1", "b2"]);
  assertEquals(expandBraces("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
  assertEquals(expandBraces("x{}y{a}"), ["x{}y{a}"]);
  assertEquals(expandBraces("\\{a,b}"), ["\\{a,b}"]);
  assertEquals(expandBraces("{a,b"), ["{a,b"]);
  assertEquals(expandBraces("{a,}"), ["a", ""]);
});

Deno.test("braces cannot make patterns without bound", () => {
  assertEquals(expandBraces("{a,b}".repeat(100)).length <= 1024, true);
});

Deno.test("braces that never close cost no more than the others", () => {
  const start = performance.now();
  const patterns = expandBraces("{a,b}".repeat(10) + "{".repeat(2000));
  assert(performance.now() - start < 1000);
  assert(patterns.length <= 1024);
});
