/**
 * The fuzzer finds what it is there for.
 * @module
 */
import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import { decodeHex, encodeHex } from "./hex.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { fuzz } from "./run_target.ts";
import type { FuzzTarget } from "./target.ts";

const seeds = () => [new Uint8Array([0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 9])];
const made = (run: FuzzTarget["run"], more: Partial<FuzzTarget> = {}): FuzzTarget => ({
  name: "made-up",
  seeds,
  run,
  ...more,
});

async function found(target: FuzzTarget, iterations = 200): Promise<string[]> {
  const { findings } = await fuzz(target, { seed: 1, iterations });
  return findings.map(({ what }) => what);
}

Deno.test("an AppError is fine, but no internal one", async () => {
  assertEquals(await found(made(() => Promise.reject(new AppError("bad_input", "no")))), []);
  const [what = ""] = await found(made(() => Promise.reject(new AppError("internal", "oh"))));
  assertStringIncludes(what, "oh");
});

Deno.test("an error of another type is found once, with the iteration that repeats it", async () => {
  const target = made((input) => {
    if (input.length > 30) throw new TypeError("too much");
  });
  const { findings: [finding, ...others] } = await fuzz(target, { seed: 5, iterations: 500 });
  assertEquals(others, []);
  const [, seed, iteration] = /--seed=(\d+) --iteration=(\d+)/.exec(finding?.where ?? "") ?? [];
  const again = await fuzz(target, { seed: Number(seed), iteration: Number(iteration) });
  assertStringIncludes(again.findings[0]?.what ?? "", "too much");
});

Deno.test("what nobody catches is found", async () => {
  const rejected = await found(
    made(async () => {
      Promise.reject(new Error("lost"));
      await new Promise((resolve) => setTimeout(resolve));
    }),
    1,
  );
  assertStringIncludes(rejected[0] ?? "", "uncaught: Error: lost");
});

Deno.test("an input that never comes to an end is found", async () => {
  const hangs = await found(made(() => new Promise(() => {}), { maxMs: 20 }), 1);
  assertStringIncludes(hangs[0] ?? "", "nothing came of it in 20 ms");
});

Deno.test("a check that fails is found", async () => {
  const [what = ""] = await found(
    made(() => {}, { check: () => Promise.reject(new Error("served a stranger")) }),
    1,
  );
  assertStringIncludes(what, "served a stranger");
});

Deno.test("memory that stays is found", async () => {
  const kept: number[][] = [];
  const [what = ""] = await found(made(() => void kept.push(new Array(40_000).fill(1.5))), 200);
  assertStringIncludes(what, "bytes stay in");
});

Deno.test("the same seed makes the same inputs, another one others", () => {
  const inputs = (seed: number) =>
    Array.from({ length: 50 }, (_, i) => encodeHex(mutate(seeds(), new Random(seed, i))));
  assertEquals(inputs(1), inputs(1));
  assertNotEquals(inputs(1), inputs(2));
});

Deno.test("hexadecimal lines give the bytes back", () => {
  const bytes = new Random(1).bytes(100);
  assertEquals(decodeHex(encodeHex(bytes)), bytes);
  assertEquals(decodeHex(encodeHex(new Uint8Array())), new Uint8Array());
});
