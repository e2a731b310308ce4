import { assertEquals } from "@std/assert";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { every, toSeconds } from "./clock.ts";

Deno.test("something done every so often is done so until it is cancelled", async () => {
  const clock = new FakeClock();
  let runs = 0;
  const timer = every(clock, 100, () => void runs++);
  await clock.advance(99);
  assertEquals(runs, 0);
  await clock.advance(901);
  assertEquals(runs, 10);
  timer.cancel();
  await clock.advance(1000);
  assertEquals(runs, 10);
  assertEquals(clock.armed, 0);
});

Deno.test("a slow turn delays the next one instead of overlapping it", async () => {
  const clock = new FakeClock();
  let runs = 0;
  const slow = Promise.withResolvers<void>();
  const timer = every(clock, 100, () => {
    runs++;
    return runs === 1 ? slow.promise : undefined;
  });
  await clock.advance(1000);
  assertEquals(runs, 1);
  slow.resolve();
  await clock.advance(100);
  assertEquals(runs, 2);
  timer.cancel();
});

Deno.test("what is cancelled during its own turn does not come again", async () => {
  const clock = new FakeClock();
  const slow = Promise.withResolvers<void>();
  const timer = every(clock, 100, () => slow.promise);
  await clock.advance(100);
  timer.cancel();
  slow.resolve();
  await settle();
  assertEquals(clock.armed, 0);
});

Deno.test("certificates count whole seconds", () => {
  assertEquals(toSeconds(1999), 1);
});

Deno.test("the tests' clock runs due timers in order, each at its own time", async () => {
  const clock = new FakeClock(0);
  const ran: string[] = [];
  clock.after(20, () => ran.push(`b ${clock.now()}`));
  clock.after(10, () => {
    ran.push(`a ${clock.now()}`);
    clock.after(5, () => ran.push(`c ${clock.now()}`));
  });
  clock.after(10, () => ran.push(`d ${clock.now()}`));
  clock.after(40, () => ran.push("too late"));
  clock.after(15, () => ran.push("cancelled")).cancel();
  await clock.advance(30);
  assertEquals(ran, ["a 10", "d 10", "c 15", "b 20"]);
  assertEquals(clock.now(), 30);
});
