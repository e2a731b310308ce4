import { assertEquals } from "@std/assert";
import { countedSoFar, counter } from "./metrics.ts";

Deno.test("a counter of the same name and labels is the same counter, and the number of counters is bounded", () => {
  counter("test_total", "for this test", { result: "ok" }).add();
  counter("test_total", "for this test", { result: "ok" }).add(4);
  counter("test_total", "for this test", { result: "failed" }).add();
  const mine = countedSoFar().filter(({ name }) => name === "test_total");
  assertEquals(mine.map(({ labels, value }) => [labels.result, value]), [["ok", 5], ["failed", 1]]);
  for (let i = 0; i < 2000; i++) counter("flood_total", "", { from: `${i}` }).add();
  assertEquals(countedSoFar().length, 500);
});
