import { assertEquals, assertThrows } from "@std/assert";
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import {
  balancers,
  choice,
  listOf,
  parseCacheTtl,
  parseCount,
  parseFileUri,
  parseIdleTimeout,
  parseName,
  parseNamespace,
  parsePeriod,
  parsePin,
  parseRatePeriod,
  parseText,
  parseYesNo,
  reading,
} from "./values.ts";

function messageFor(schema: v.GenericSchema, value: unknown): string | undefined {
  const result = v.safeParse(schema, value);
  return result.success ? undefined : result.issues[0].message;
}

Deno.test("parseYesNo reads every spelling", () => {
  for (const text of ["yes", "Yes", "true", "on", "1"]) assertEquals(parseYesNo(text), true, text);
  for (const text of ["no", "NO", "false", "off", "0"]) assertEquals(parseYesNo(text), false, text);
  assertThrows(() => parseYesNo("maybe"), AppError, 'neither "yes" nor "no"');
});

Deno.test("parseCount is bounded", () => {
  assertEquals(parseCount("1000"), 1000);
  for (const text of ["0", "-1", "1.5", "1e3", "1000001", "x"]) {
    assertThrows(() => parseCount(text), AppError);
  }
});

Deno.test("parseName refuses blanks, commas and other scripts", () => {
  assertEquals(parseName("db-1.example_x"), "db-1.example_x");
  for (const text of ["a b", "a,b", "ä", "a/b", "x".repeat(254)]) {
    assertThrows(() => parseName(text), AppError);
  }
});

Deno.test("parsePin wants sha256 and 64 digits", () => {
  assertEquals(parsePin(`SHA256:${"AB".repeat(32)}`), `sha256:${"ab".repeat(32)}`);
  assertThrows(() => parsePin("sha256:abc"), AppError, "64 hexadecimal digits");
});

Deno.test("parseText refuses control characters, lists and nothing", () => {
  for (const value of ["", "a\nb", "\u001b[2J", null, ["a"], { a: "b" }]) {
    assertThrows(() => parseText(value), AppError);
  }
});

Deno.test("choice tells unknown words from those not available yet", () => {
  const schema = choice(["otp", "off"], ["u2f"]);
  assertEquals(v.parse(schema, "OTP"), "otp");
  assertEquals(
    messageFor(schema, "u2f"),
    '"u2f" is not available in this build yet; available: "otp", "off"',
  );
  assertEquals(messageFor(schema, "top"), '"top" is none of "otp", "off"; did you mean "otp"?');
});

Deno.test("listOf takes a single value as a list of one", () => {
  assertEquals(v.parse(listOf(reading(parseCount)), "5"), [5]);
  assertEquals(v.parse(listOf(reading(parseCount)), ["5", "6"]), [5, 6]);
});

Deno.test("periods are bounded by what a timer can wait", () => {
  assertEquals([parsePeriod("1h0m0s"), parsePeriod("0"), parsePeriod("20d")], [3_600_000, 0, 1_728_000_000]);
  for (const text of ["21d", "9999999999d", "1", "", "-1s", "1y", "never"]) {
    assertThrows(() => parsePeriod(text), AppError, undefined, text);
  }
  assertThrows(() => parseRatePeriod("0s"), AppError, "longer than 0");
});

Deno.test("times that may be without end", () => {
  assertEquals([parseCacheTtl("20h"), parseCacheTtl("Never"), parseCacheTtl("0")], [
    72_000_000,
    Infinity,
    Infinity,
  ]);
  assertEquals([parseIdleTimeout("never"), parseIdleTimeout("Never"), parseIdleTimeout("5m")], [
    0,
    0,
    300_000,
  ]);
  for (const parse of [parseCacheTtl, parseIdleTimeout]) {
    assertThrows(() => parse("366d"), AppError, "too long");
  }
});

Deno.test("the only namespace is default", () => {
  assertEquals(parseNamespace("default"), "default");
  assertThrows(() => parseNamespace("east"), AppError, 'the only namespace is "default"');
});

Deno.test("proxy_protocol takes on, off, addresses and networks", () => {
  const cases: [unknown, unknown][] = [
    ["no", "off"],
    ["On", "on"],
    ["10.0.0.5", ["10.0.0.5"]],
    [["10.0.0.0/8", "::1"], ["10.0.0.0/8", "::1"]],
  ];
  for (const [written, read] of cases) assertEquals(v.parse(balancers, written), read);
  for (const bad of [[], ["10.0.0.1/8"], "10.0.0.0/33", "all", null, {}, ["on"]]) {
    assertEquals(typeof messageFor(balancers, bad), "string", JSON.stringify(bad));
  }
});

Deno.test("other spellings of a choice are taken", () => {
  const schema = choice(["error", "warn"], [], { warning: "warn" });
  assertEquals(v.parse(schema, "WARNING"), "warn");
  assertEquals(typeof messageFor(schema, "constructor"), "string");
});

Deno.test("a file URI is an absolute directory of this machine and nothing else", () => {
  assertEquals(parseFileUri("file:///srv/my%20recordings/"), "/srv/my recordings");
  for (
    const text of [
      "/srv",
      "file:srv",
      "file://host/srv",
      "file:///",
      "s3://bucket/x",
      "file:///a%00b",
      "file:///a?b",
      "file:///a%",
    ]
  ) {
    assertThrows(() => parseFileUri(text), AppError, text);
  }
});
