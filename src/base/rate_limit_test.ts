import { assert, assertEquals } from "@std/assert";
import type { Clock } from "./clock.ts";
import { RateLimit, RateLimits } from "./rate_limit.ts";

function fakeClock(): Clock & { ms: number } {
  return {
    ms: 1_000_000,
    now() {
      return this.ms;
    },
    after: () => ({ cancel() {} }),
  };
}

Deno.test("RateLimit allows a burst, then the steady rate", () => {
  const clock = fakeClock();
  const limit = new RateLimit({ clock, burst: 3, perSecond: 2 });
  assertEquals([1, 2, 3].map(() => limit.take("a")), [0, 0, 0]);
  assertEquals(limit.take("a"), 500);
  clock.ms += 499;
  assert(limit.take("a") > 0, "a refused request must cost nothing, and half a token is none");
  clock.ms += 1;
  assertEquals(limit.take("a"), 0);
  assert(limit.take("a") > 0);
});

Deno.test("RateLimit never saves up more than the burst", () => {
  const clock = fakeClock();
  const limit = new RateLimit({ clock, burst: 2, perSecond: 1 });
  limit.take("a");
  clock.ms += 3_600_000;
  assertEquals([1, 2, 3].map(() => limit.take("a") === 0), [true, true, false]);
});

Deno.test("RateLimit keeps clients apart", () => {
  const limit = new RateLimit({ clock: fakeClock(), burst: 1, perSecond: 1 });
  assertEquals([limit.take("a"), limit.take("b")], [0, 0]);
});

Deno.test("RateLimit survives a clock that was set back", () => {
  const clock = fakeClock();
  const limit = new RateLimit({ clock, burst: 2, perSecond: 1 });
  limit.take("a");
  clock.ms -= 500_000;
  assertEquals(limit.take("a"), 0);
});

Deno.test("RateLimit forgets the client seen longest ago when its table is full", () => {
  const limit = new RateLimit({ clock: fakeClock(), burst: 1, perSecond: 1, capacity: 2 });
  limit.take("a");
  limit.take("b");
  assert(limit.take("a") > 0); // seen again: now b is the oldest
  limit.take("c");
  assertEquals(limit.size, 2);
  assert(limit.take("a") > 0, "a was kept");
  assertEquals(limit.take("b"), 0, "b was forgotten");
});

Deno.test("RateLimit remembers at most 10,000 clients", () => {
  const limit = new RateLimit({ clock: fakeClock(), burst: 1, perSecond: 1 });
  for (let i = 0; i < 10_500; i++) limit.take(`client ${i}`);
  assertEquals(limit.size, 10_000);
});

Deno.test("RateLimits allow what every rule allows", () => {
  const clock = fakeClock();
  const limits = new RateLimits([
    { periodMs: 1000, average: 2, burst: 2 },
    { periodMs: 60_000, average: 60, burst: 3 },
  ], clock);
  assertEquals([limits.take("a"), limits.take("a")], [0, 0]);
  assertEquals(limits.take("a"), 500);
  clock.ms += 500;
  assert(limits.take("a") > 0, "the second rule is at its end");
  assertEquals(new RateLimits([], clock).take("a"), 0);
});
