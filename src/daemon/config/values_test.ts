import { assertEquals, assertThrows } from "@std/assert";
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import { choice, listOf, parseCount, parseName, parsePin, parseText, parseYesNo, reading } from "./values.ts";

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
