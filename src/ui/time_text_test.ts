import { assertEquals } from "@std/assert";
import { clockTime, duration, parseClock, relative, size } from "./time_text.ts";

Deno.test("times and amounts are told by the unit that fits", () => {
  assertEquals(relative(0, 3_000), "just now");
  assertEquals(relative(0, 90 * 60_000), "2 h ago");
  assertEquals(relative(120_000, 0), "in 2 min");
  assertEquals(duration(42_000), "42 s");
  assertEquals(duration(12 * 86_400_000), "12 d");
  assertEquals(clockTime(65_000), "1:05");
  assertEquals(clockTime(3_723_000), "1:02:03");
  assertEquals([size(999), size(1400), size(14_000), size(2.5e9)], ["999 B", "1.4 kB", "14 kB", "2.5 GB"]);
});

Deno.test("a position in an address is read in seconds or as hours, minutes, seconds", () => {
  assertEquals(parseClock("12.5"), 12_500);
  assertEquals(parseClock("1m5s"), 65_000);
  assertEquals(parseClock("1h2m3s"), 3_723_000);
  for (const bad of ["", "x", "-1", "1e9", "5m1h"]) assertEquals(parseClock(bad), undefined, bad);
});
