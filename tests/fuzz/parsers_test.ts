/**
 * A short pass over every parser of outside bytes. `deno task fuzz` goes on for as long as one likes; `FUZZ_SEED` makes
 * this pass another one.
 * @module
 */
import { assertEquals } from "@std/assert";
import { PARSERS } from "./all.ts";
import { fuzz } from "./run_target.ts";

const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 1);
/** A stop for slow machines; the number of inputs makes the pass the same everywhere else. */
const [ITERATIONS, MAX_MS] = [400, 10_000];

for (const target of PARSERS) {
  Deno.test(`fuzz ${target.name}: every input is taken or refused by an AppError`, async () => {
    const { findings } = await fuzz(target, { seed: SEED, iterations: ITERATIONS, milliseconds: MAX_MS });
    assertEquals(findings, []);
  });
}
