/**
 * What every backend must do. Each implementation's test calls this.
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Backend, Key, Operation } from "./backend.ts";
import { MAX_COMMIT, MAX_VALUE_BYTES } from "./backend.ts";

/** A clock whose time the suite sets. */
export interface SettableClock {
  now(): number;
  set(ms: number): void;
}

/** What a suite can be told. */
export interface SuiteOptions<B extends Backend> {
  /** Opens the same store once more, as another process does. Only for stores that allow it. */
  beside?(backend: B): Promise<Backend>;
  /** The store cannot be had on this machine; the reason has been printed. */
  ignore?: boolean;
}

/** Registers the suite's tests. `open` makes an empty backend that reads the given clock. */
export function testBackend<B extends Backend>(
  name: string,
  open: (clock: SettableClock) => Promise<B>,
  { beside, ignore = false }: SuiteOptions<B> = {},
): void {
  const test = (what: string, run: (backend: B, clock: SettableClock) => Promise<void>) => {
    Deno.test({ name: `${name}: ${what}`, ignore }, async () => {
      let now = Date.now(); // stores that clean up have clocks of their own
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

  test("writes as many keys in one commit as it must, and of one key the last", async (backend) => {
    const key = (i: number): Key => ["many", `${i}`.padStart(3, "0")];
    const puts = Array.from(
      { length: MAX_COMMIT - 1 },
      (_, i): Operation => ({ type: "put", key: key(i), value: `${i}` }),
    );
    assert(await backend.commit([...puts, { type: "put", key: key(0), value: "last" }]));
    const values = (await backend.list(["many"])).map(({ value }) => value);
    assertEquals(values, ["last", ...puts.slice(1).map((_, i) => `${i + 1}`)]);
  });

  test("checks and writes one key in one commit, and others beside it", async (backend) => {
    const moved = (from: string | undefined): Operation[] => [
      { type: "check", key: ["a"], version: from },
      { type: "put", key: ["a"], value: "new" },
      { type: "delete", key: ["b"] },
    ];
    await backend.commit([{ type: "put", key: ["a"], value: "old" }, {
      type: "put",
      key: ["b"],
      value: "b",
    }]);
    assertEquals(await backend.commit(moved(undefined)), false);
    assertEquals((await backend.get(["b"]))?.value, "b");
    assert(await backend.commit(moved((await backend.get(["a"]))?.version)));
    assertEquals([(await backend.get(["a"]))?.value, await backend.get(["b"])], ["new", undefined]);
  });

  if (beside) {
    test("tells of what another one writes, whole keys, and says what was deleted", async (backend) => {
      const other = await beside(backend);
      const heard: string[] = [];
      const waiting = new Set<() => void>();
      const watch = backend.watch?.((changes) => {
        for (const { key, deleted } of changes ?? []) heard.push(`${deleted ? "-" : "+"}${key.join("|")}`);
        for (const look of waiting) look();
      });
      assert(watch, "a store that is opened twice can be watched");
      const hears = (wanted: string) =>
        new Promise<void>((resolve) => {
          const look = () => heard.includes(wanted) && (waiting.delete(look), resolve());
          waiting.add(look);
          look();
        });
      try {
        for (let i = 0; !heard.includes("+begun"); i++) { // a feed begins when it begins
          await other.commit([{ type: "put", key: ["begun"], value: `${i}` }]);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        assert(await other.commit([{ type: "put", key: ["a/b", "c d"], value: "1" }]));
        await hears("+a/b|c d");
        assert(await other.commit([{ type: "delete", key: ["a/b", "c d"] }]));
        await hears("-a/b|c d");
      } finally {
        watch.stop();
        await other.close();
      }
    });

    test("lets one of two processes win", async (backend) => {
      const other = await beside(backend);
      try {
        const write = (one: Backend, value: string) =>
          one.commit([{ type: "check", key: ["n"], version: undefined }, { type: "put", key: ["n"], value }]);
        const done = await Promise.all([write(backend, "1"), write(other, "2")]);
        assertEquals(done.filter(Boolean).length, 1);
        assertEquals((await backend.get(["n"]))?.value, done[0] ? "1" : "2");
      } finally {
        await other.close();
      }
    });
  }
}
