/**
 * A short pass over both ends of the SSH protocol. `deno task fuzz` goes on for as long as one likes; `FUZZ_SEED` makes
 * this pass another one.
 * @module
 */
import { assertEquals } from "@std/assert";
import { PROTOCOLS } from "./all.ts";
import { fuzz } from "./run_target.ts";

const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 1);
/** A stop for slow machines; the number of inputs makes the pass the same everywhere else. */
const [ITERATIONS, MAX_MS] = [60, 10_000];

for (const target of PROTOCOLS) {
  Deno.test(`fuzz ${target.name}: nothing breaks, hangs or is served wrongly, and the honest get through`, async () => {
    const { findings } = await fuzz(target, { seed: SEED, iterations: ITERATIONS, milliseconds: MAX_MS });
    assertEquals(findings, []);
  });
}
