import { assertEquals, assertRejects } from "@std/assert";
import { coalesced } from "./coalesced.ts";

Deno.test("calls while the work is being done share one more turn", async () => {
  let turns = 0;
  let go = Promise.withResolvers<void>();
  const refresh = coalesced(async () => {
    turns++;
    await go.promise;
  });
  const calls = [refresh(), refresh(), refresh()];
  assertEquals(turns, 1);
  go.resolve();
  await Promise.all(calls);
  assertEquals(turns, 2);
  go = Promise.withResolvers();
  go.resolve();
  await refresh();
  assertEquals(turns, 3);
});

Deno.test("a call in the very moment of the end is not lost", async () => {
  let turns = 0;
  const refresh = coalesced(() => Promise.resolve(void turns++));
  const first = refresh();
  await Promise.resolve().then(() => Promise.resolve()).then(() => refresh());
  await first;
  assertEquals(turns, 2);
});

Deno.test("after a failure the work is done again", async () => {
  let fails = true;
  const refresh = coalesced(() => fails ? Promise.reject(new Error("away")) : Promise.resolve());
  await assertRejects(refresh, Error, "away");
  fails = false;
  await refresh();
});
