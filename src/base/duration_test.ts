import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "./errors.ts";
import { DAY, formatDuration, HOUR, MINUTE, parseDuration, SECOND } from "./duration.ts";

Deno.test("durations are read as people write them", () => {
  const table: [string, number][] = [
    ["0", 0],
    ["100ms", 100],
    ["90s", 90 * SECOND],
    ["1h30m", 90 * MINUTE],
    ["23h0m0s", 23 * HOUR],
    ["1.5h", 90 * MINUTE],
    ["2d", 2 * DAY],
  ];
  for (const [text, ms] of table) assertEquals(parseDuration(text), ms, text);
});

Deno.test("what is no duration is refused", () => {
  for (const text of ["", "5", "h", "1x", "-1h", "1h ", " 1h", "1h,2m", "1 h", "1e3s", "Infinity"]) {
    assertThrows(() => parseDuration(text), AppError, "is not a duration", text);
  }
});

Deno.test("durations are shown in hours, minutes and seconds, and read back the same", () => {
  assertEquals(formatDuration(23 * HOUR), "23h0m0s");
  assertEquals(formatDuration(61 * SECOND), "1m1s");
  assertEquals(formatDuration(5 * SECOND), "5s");
  assertEquals(formatDuration(250), "250ms");
  assertEquals(formatDuration(0), "0s");
  fc.assert(
    fc.property(
      fc.nat(1_000_000),
      (seconds) => parseDuration(formatDuration(seconds * SECOND)) === seconds * SECOND,
    ),
  );
});
