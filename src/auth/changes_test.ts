import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { Changes } from "./changes.ts";

Deno.test("many changes in a row become one notice for each collection", async () => {
  const clock = new FakeClock();
  const changes = new Changes(clock);
  const told: string[] = [];
  changes.watch((collection) => void told.push(collection));
  for (let i = 0; i < 100; i++) changes.changed("servers");
  changes.changed("users");
  assertEquals(told, []);
  await clock.advance(50);
  assertEquals(told, ["servers", "users"]);
  await clock.advance(1000);
  assertEquals(told.length, 2);
  changes.changed("servers");
  await clock.advance(50);
  assertEquals(told.length, 3);
});

Deno.test("who stopped watching is not told any more", async () => {
  const clock = new FakeClock();
  const changes = new Changes(clock);
  const told: string[] = [];
  const watcher = changes.watch((collection) => void told.push(collection));
  changes.changed("servers");
  watcher.stop();
  await clock.advance(50);
  assertEquals(told, []);
});
