import { assertEquals } from "@std/assert";
import { Arrivals } from "./arrivals.ts";

function arrivals(max: number, perAddress: number, delayFor?: (address: string) => number) {
  const line = new Arrivals(max, perAddress, delayFor);
  const entered: string[] = [];
  const dropped: string[] = [];
  const add = (name: string) =>
    line.add(name.slice(0, 1), {
      enter: () => entered.push(name),
      drop: () => dropped.push(name),
    });
  return { entered, dropped, add, line };
}

const AT_ONCE = 8;
const turn = () => new Promise((resolve) => setTimeout(resolve));
const names = (address: string, count: number) => Array.from({ length: count }, (_, i) => `${address}${i}`);

Deno.test("a few who arrive are let in at once", () => {
  const { add, entered } = arrivals(1000, 1000);
  for (const name of names("a", AT_ONCE)) add(name);
  assertEquals(entered, names("a", AT_ONCE));
});

Deno.test("one who comes after a crowd from elsewhere is let in with the first of the next", async () => {
  const { add, entered, dropped } = arrivals(1000, 1000);
  const crowd = names("a", 300);
  for (const name of crowd) add(name);
  add("b0");
  assertEquals(entered, crowd.slice(0, AT_ONCE));
  while (entered.length < 301) await turn();
  assertEquals(entered.indexOf("b0"), AT_ONCE + 1);
  assertEquals(entered.filter((name) => name !== "b0"), crowd, "in the order they came");
  assertEquals(dropped, []);
  await turn();
  add("c0");
  while (entered.length < 302) await turn();
});

Deno.test("a crowd of one address drops its own oldest, and one of many addresses that of the longest line", async () => {
  const { add, entered, dropped } = arrivals(4, 2);
  for (const name of names("x", AT_ONCE)) add(name);
  for (const name of ["a0", "b0", "b1", "b2"]) add(name);
  assertEquals(dropped, ["b0"]);
  for (const name of ["c0", "d0", "e0"]) add(name);
  assertEquals(dropped, ["b0", "b1", "a0"]);
  while (entered.length < AT_ONCE + 4) await turn();
  assertEquals(entered.slice(AT_ONCE), ["b2", "c0", "d0", "e0"]);
});

Deno.test("an address for which there is no room waits, and others do not", async () => {
  const delays = new Map([["a", 60_000]]);
  const { add, entered, line } = arrivals(1000, 1000, (address) => delays.get(address) ?? 0);
  for (const name of ["a0", "a1", "b0"]) add(name);
  assertEquals(entered, ["b0"]);
  await turn();
  for (const name of names("c", AT_ONCE)) add(name);
  while (entered.length < AT_ONCE + 1) await turn();
  delays.set("a", 0);
  line.hurry();
  while (entered.length < AT_ONCE + 3) await turn();
  assertEquals(entered.slice(-2), ["a0", "a1"]);
});

Deno.test("an address whose time is over comes in by itself", async () => {
  const end = performance.now() + 20;
  const { add, entered } = arrivals(1000, 1000, () => Math.max(0, end - performance.now()));
  add("a0");
  assertEquals(entered, []);
  while (entered.length === 0) await turn();
  assertEquals(performance.now() >= end, true);
});
