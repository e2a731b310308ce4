import { assertEquals, assertMatch } from "@std/assert";
import { ProgressMeter } from "./progress.ts";

Deno.test("each file has one line, drawn now and then, with its rate and the time left", () => {
  let now = 0;
  let text = "";
  const meter = new ProgressMeter((part) => text += part, () => 60, () => now);
  const file = (done: number, target = "/there/big.iso") => ({
    source: "/here/big.iso",
    target,
    done,
    total: 4_096_000,
  });
  meter.update(file(0));
  now = 1000;
  meter.update(file(1_024_000));
  now = 1050;
  meter.update(file(1_100_000)); // too soon to draw
  now = 4000;
  meter.update(file(4_096_000));
  meter.update(file(0, "/there/next"));
  meter.end();
  const lines = text.split("\n");
  assertEquals(lines.length, 3);
  const drawn = lines[0]?.split("\r").filter(Boolean) ?? [];
  assertMatch(drawn[0] ?? "", /^big\.iso +25% +1000\.0KB|^big\.iso +25% +1\.0MB/);
  assertMatch(drawn[0] ?? "", /00:03 ETA$/);
  assertMatch(drawn.at(-1) ?? "", /^big\.iso +100% .*00:04 {4}$/);
  for (const line of drawn) assertEquals(line.length < 60, true, line);
});
