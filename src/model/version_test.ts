import { assertEquals, assertMatch } from "@std/assert";
import { aboutVersion, interoperates, isOlder, VERSION } from "./version.ts";

Deno.test("this build's version is a semantic version, and a start of a preview says so", () => {
  assertMatch(VERSION, /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/);
  const preview = "this is a preview, 2.6.0-rc1: it may change, and is not for production";
  assertEquals(["1.0.0", "2.6.0-rc1"].map(aboutVersion), [undefined, preview]);
});

Deno.test("versions are compared number by number, without what follows the dash", () => {
  assertEquals([isOlder("2.5.9", "2.6.0"), isOlder("2.10.0", "2.9.0"), isOlder("1.0.0-beta.1", "1.0.0")], [
    true,
    false,
    false,
  ]);
});

Deno.test("members of neighbouring minor versions work together, those further apart do not", () => {
  const cases: [string, string, boolean][] = [
    ["2.6.1", "2.6.3", true],
    ["2.5.9", "2.6.0", true],
    ["2.6.0", "2.7.0-beta.1", true],
    ["2.4.0", "2.6.0", false],
    ["1.6.0", "2.6.0", false],
  ];
  for (const [one, other, together] of cases) {
    assertEquals(
      [interoperates(one, other), interoperates(other, one)],
      [together, together],
      `${one} ${other}`,
    );
  }
});
