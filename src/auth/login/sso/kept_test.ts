import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../../../tests/kit/clock.ts";
import { Kept } from "./kept.ts";
import { SsoRefused } from "./provider.ts";

Deno.test("one fetch serves all who ask, for ten minutes; a failure holds for three seconds", async () => {
  const clock = new FakeClock();
  const kept = new Kept<number>(clock);
  let fetched = 0;
  const fetch = () => Promise.resolve(++fetched);
  assertEquals(await Promise.all([kept.get("a", fetch), kept.get("a", fetch), kept.get("b", fetch)]), [
    1,
    1,
    2,
  ]);
  assertEquals(await kept.get("a", fetch), 1);
  await clock.advance(10 * 60_000);
  let before: number | undefined;
  const failing = (known: number | undefined) => {
    before = known;
    fetched++;
    return Promise.reject(new SsoRefused("provider", "away"));
  };
  for (let i = 0; i < 3; i++) await assertRejects(() => kept.get("a", failing), SsoRefused, "away");
  assertEquals([fetched, before], [3, 1]);
  await clock.advance(3000);
  assertEquals(await kept.get("a", (known) => Promise.resolve((known ?? 0) + 100)), 101);
});
