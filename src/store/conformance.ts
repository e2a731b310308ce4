/**
 * What every backend must do. Each implementation's test calls this.
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Backend } from "./backend.ts";
import { MAX_VALUE_BYTES } from "./backend.ts";

/** A clock whose time the suite sets. */
export interface SettableClock {
  now(): number;
  set(ms: number): void;
}

/** Registers the suite's tests. `open` makes an empty backend that reads the given clock. */
export function testBackend(name: string, open: (clock: SettableClock) => Promise<Backend>): void {
  const test = (what: string, run: (backend: Backend, clock: SettableClock) => Promise<void>) => {
    Deno.test(`${name}: ${what}`, async () => {
      let now = 1_700_000_000_000;
      const clock = { now: () => now, set: (ms: number) => void (now = ms) };
      const backend = await open(clock);
      try {
        await run(backend, clock);
      } finally {
        await backend.close();
      }
    });
  };

  test("reads back what was written", async (backend) => {
    assertEquals(await backend.get(["a", "b"]), undefined);
    assert(await backend.commit([{ type: "put", key: ["a", "b"], value: "1" }]));
    assertEquals((await backend.get(["a", "b"]))?.value, "1");
    assertEquals((await backend.get(["a", "b"]))?.key, ["a", "b"]);
  });

  test("changes the version with every write", async (backend) => {
    await backend.commit([{ type: "put", key: ["k"], value: "1" }]);
    const first = await backend.get(["k"]);
    await backend.commit([{ type: "put", key: ["k"], value: "1" }]);
    assertNotEquals((await backend.get(["k"]))?.version, first?.version);
  });

  test("commits all or nothing", async (backend) => {
    await backend.commit([{ type: "put", key: ["taken"], value: "1" }]);
    const done = await backend.commit([
      { type: "put", key: ["other"], value: "1" },
      { type: "check", key: ["taken"], version: undefined },
    ]);
    assertEquals(done, false);
    assertEquals(await backend.get(["other"]), undefined);
  });

  test("lets one of many writers win a checked write", async (backend) => {
    await backend.commit([{ type: "put", key: ["n"], value: "0" }]);
    const version = (await backend.get(["n"]))?.version;
    const results = await Promise.all(
      Array.from(
        { length: 8 },
        (_, i) =>
          backend.commit([{ type: "check", key: ["n"], version }, {
            type: "put",
            key: ["n"],
            value: `${i}`,
          }]),
      ),
    );
    assertEquals(results.filter(Boolean).length, 1);
  });

  test("lists a prefix in order, whole names only", async (backend) => {
    for (const key of [["u", "b"], ["u", "a"], ["u", "a", "x"], ["ux", "c"]]) {
      await backend.commit([{ type: "put", key, value: key.join("/") }]);
    }
    assertEquals((await backend.list(["u"])).map((entry) => entry.value), ["u/a", "u/a/x", "u/b"]);
    assertEquals(await backend.list(["none"]), []);
  });

  test("deletes", async (backend) => {
    await backend.commit([{ type: "put", key: ["k"], value: "1" }]);
    assert(await backend.commit([{ type: "delete", key: ["k"] }]));
    assertEquals(await backend.get(["k"]), undefined);
    assert(await backend.commit([{ type: "delete", key: ["k"] }]), "deleting nothing is fine");
  });

  test("hides entries the moment they expire", async (backend, clock) => {
    const expires = clock.now() + 1000;
    await backend.commit([{ type: "put", key: ["t", "1"], value: "1", expires }]);
    assertEquals((await backend.get(["t", "1"]))?.expires, expires);
    clock.set(expires);
    assertEquals(await backend.get(["t", "1"]), undefined);
    assertEquals(await backend.list(["t"]), []);
    const again = await backend.commit([
      { type: "check", key: ["t", "1"], version: undefined },
      { type: "put", key: ["t", "1"], value: "2" },
    ]);
    assert(again, "an expired key can be created again");
  });

  test("takes large values and any text in keys", async (backend) => {
    const key = ["names", "a/b\u0000c", "ünï💥", " "];
    const value = "x".repeat(MAX_VALUE_BYTES);
    assert(await backend.commit([{ type: "put", key, value }]));
    assertEquals((await backend.get(key))?.value, value);
    assertEquals((await backend.list(["names"]))[0]?.key, key);
  });
}
