import { assertEquals } from "@std/assert";
import { Arrivals } from "./arrivals.ts";

function arrivals(max: number, perAddress: number) {
  const line = new Arrivals(max, perAddress);
  const entered: string[] = [];
  const dropped: string[] = [];
  return {
    entered,
    dropped,
    add: (name: string) =>
      line.add(name.slice(0, 1), {
        enter: () => entered.push(name),
        drop: () => dropped.push(name),
      }),
  };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
const names = (address: string, count: number) => Array.from({ length: count }, (_, i) => `${address}${i}`);

Deno.test("one who comes after a crowd from elsewhere is let in with the first of them", async () => {
  const { add, entered, dropped } = arrivals(1000, 1000);
  for (const name of names("a", 300)) add(name);
  add("b0");
  assertEquals(entered, []);
  while (entered.length === 0) await turn();
  assertEquals(entered.slice(0, 3), ["a0", "b0", "a1"]);
  while (entered.length < 301) await turn();
  assertEquals(entered.filter((name) => name.startsWith("a")), names("a", 300), "in the order they came");
  assertEquals(dropped, []);
});

Deno.test("a crowd of one address drops its own, and one of many addresses the first", async () => {
  const { add, entered, dropped } = arrivals(4, 2);
  for (const name of ["a0", "b0", "b1", "b2"]) add(name);
  assertEquals(dropped, ["b0"]);
  for (const name of ["c0", "d0", "e0"]) add(name);
  assertEquals(dropped.length, 3);
  while (entered.length < 4) await turn();
  assertEquals([...entered, ...dropped].sort(), ["a0", "b0", "b1", "b2", "c0", "d0", "e0"]);
});

Deno.test("those who come later are let in as well", async () => {
  const { add, entered } = arrivals(10, 10);
  add("a0");
  while (entered.length < 1) await turn();
  add("a1");
  add("b1");
  while (entered.length < 3) await turn();
  assertEquals(entered, ["a0", "a1", "b1"]);
});
