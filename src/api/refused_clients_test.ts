import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import type { EventFields } from "../model/event.ts";
import { RefusedClients } from "./refused_clients.ts";

function open() {
  const clock = new FakeClock();
  const events: EventFields[] = [];
  return { clock, events, refused: new RefusedClients(clock, (event) => events.push(event)) };
}

const told = (events: EventFields[]) => events.map((event) => [event["addr.remote"], event.count]);

Deno.test("the first refusal of an address is an event at once, those of the next minute are one event together", async () => {
  const { clock, events, refused } = open();
  for (let i = 0; i < 1000; i++) refused.note("192.0.2.7", "too many connections");
  refused.note("192.0.2.8", "no login within the grace time");
  assertEquals(told(events), [["192.0.2.7", 1], ["192.0.2.8", 1]]);
  await clock.advance(60_000);
  assertEquals(told(events.slice(2)), [["192.0.2.7", 999]]);
  assertEquals(events[2], {
    event: "client.refused",
    success: false,
    "addr.remote": "192.0.2.7",
    count: 999,
    reason: "too many connections",
  });
  await clock.advance(120_000);
  assertEquals([events.length, clock.armed], [3, 0]);
});

Deno.test("a flood from everywhere is counted in a table of bounded size", async () => {
  const { clock, events, refused } = open();
  for (let i = 0; i < 5000; i++) refused.note(`10.${i >> 8}.${i & 255}.1`, "too many connections");
  assertEquals(events.length, 1001);
  await clock.advance(60_000);
  assertEquals(told(events.slice(1001)), [["others", 3999]]);
});
