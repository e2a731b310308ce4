import { assertEquals } from "@std/assert";
import { systemClock } from "../base/clock.ts";
import { testBackend } from "./conformance.ts";
import { DenoKvBackend } from "./deno_kv.ts";

testBackend("deno_kv", (clock) => DenoKvBackend.open(":memory:", { ...systemClock, now: clock.now }));

Deno.test("deno_kv: keeps its content between openings", async () => {
  const directory = await Deno.makeTempDir();
  const first = await DenoKvBackend.open(`${directory}/store`);
  await first.commit([{ type: "put", key: ["k"], value: "v" }]);
  await first.close();
  const second = await DenoKvBackend.open(`${directory}/store`);
  assertEquals((await second.get(["k"]))?.value, "v");
  await second.close();
  await Deno.remove(directory, { recursive: true });
});
