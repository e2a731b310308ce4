import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openAuth, signUp } from "../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../tests/kit/clock.ts";
import { AppError } from "../base/errors.ts";
import { MINUTE } from "../base/duration.ts";
import type { Backend } from "../store/backend.ts";
import { MemoryBackend } from "../store/memory.ts";
import { migrate, type Migration } from "./migrations.ts";

const increment = async (backend: Backend) => {
  const entry = await backend.get(["n"]);
  const value = `${Number(entry?.value ?? 0) + 1}`;
  await backend.commit([{ type: "check", key: ["n"], version: entry?.version }, {
    type: "put",
    key: ["n"],
    value,
  }]);
};
const STEPS: Migration[] = [1, 2, 3].map((version) => ({ version, what: "n grows", run: increment }));

/** A store of before there were versions. */
async function oldStore() {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  await backend.commit([{ type: "put", key: ["cluster"], value: "{}" }]);
  return { clock, backend };
}

const n = async (backend: Backend) => (await backend.get(["n"]))?.value;

Deno.test("an old store is brought up to date step by step, and a new one begins with the newest form", async () => {
  const { clock, backend } = await oldStore();
  await migrate(backend, clock, "a", STEPS);
  assertEquals([await n(backend), (await backend.get(["schema"]))?.value], ["3", "3"]);
  await migrate(backend, clock, "a", STEPS);
  assertEquals(await n(backend), "3");
  const fresh = new MemoryBackend(clock);
  await migrate(fresh, clock, "a", STEPS);
  assertEquals([await n(fresh), (await fresh.get(["schema"]))?.value], [undefined, "3"]);
});

Deno.test("two auth servers that start at once migrate once, one after the other", async () => {
  const { clock, backend } = await oldStore();
  let running = 0;
  let most = 0;
  const steps = STEPS.map((step): Migration => ({
    ...step,
    async run(store) {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => clock.after(100, resolve));
      await step.run(store);
      running--;
    },
  }));
  const both = Promise.all([
    migrate(backend.beside(), clock, "a", steps),
    migrate(backend.beside(), clock, "b", steps),
  ]);
  for (let i = 0; i < 100; i++) await clock.advance(50);
  await both;
  assertEquals([most, await n(backend)], [1, "3"]);
});

Deno.test("a migration that a crash has cut off goes on with the step it was at", async () => {
  const { clock, backend } = await oldStore();
  const failing = STEPS.map((step, i) =>
    i === 1 ? { ...step, run: () => Promise.reject(new Error("power cut")) } : step
  );
  await assertRejects(() => migrate(backend, clock, "a", failing), Error, "power cut");
  // The crash of a process leaves its lock behind as well.
  await backend.commit([{
    type: "put",
    key: ["schema_lock"],
    value: "a",
    expires: clock.now() + MINUTE / 2,
  }]);
  const other = migrate(backend, clock, "b", STEPS);
  for (let i = 0; i < 70; i++) await clock.advance(500);
  await other;
  assertEquals(await n(backend), "3");
});

Deno.test("a store of a newer release is refused and left as it is", async () => {
  const { clock, backend } = await oldStore();
  await backend.commit([{ type: "put", key: ["schema"], value: "9" }]);
  const error = await assertRejects(() => migrate(backend, clock, "a", STEPS), AppError);
  assertEquals(error.code, "unsupported");
  assertStringIncludes(error.message, "form 9");
});

Deno.test("a store of before there were versions starts with its users and authorities as they were", async () => {
  const { auth, backend, files, clock } = await openAuth({ clock: new FakeClock() });
  await signUp(auth, "joe");
  const before = auth.authorities.list();
  await backend.commit([{ type: "delete", key: ["schema"] }]);
  const { auth: again } = await openAuth({ backend, files, clock });
  assertEquals(again.authorities.list(), before);
  assertEquals((await again.users.list()).map(({ name }) => name), ["joe"]);
  assertEquals((await backend.get(["schema"]))?.value, "1");
});
