import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { Player, type PlayerOptions } from "./player.ts";
import type { RecordingFrame } from "./reader.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A player of some texts at some times, and what it showed when. */
function start(
  texts: [number, string][],
  given: Partial<PlayerOptions> & { write?: () => Promise<void> } = {},
) {
  const { write, ...options } = given;
  const clock = new FakeClock(0);
  const shown: [number, string][] = [];
  let opened = 0;
  const player = new Player({
    async *open(): AsyncGenerator<RecordingFrame> {
      opened++;
      yield { ms: 0, resize: { columns: 80, rows: 25 } };
      for (const [ms, text] of texts) {
        await Promise.resolve();
        yield { ms, data: encode(text) };
      }
    },
    sink: {
      write(data) {
        shown.push([clock.now(), new TextDecoder().decode(data)]);
        return write?.();
      },
      resize: ({ columns, rows }) => void shown.push([clock.now(), `[${columns}x${rows}]`]),
      clear: () => void shown.push([clock.now(), "clear"]),
    },
    clock,
    ...options,
  });
  return {
    clock,
    player,
    opened: () => opened,
    /** What was shown since the last call. */
    shown: async () => {
      await settle();
      return shown.splice(0);
    },
  };
}

const SESSION: [number, string][] = [[0, "a"], [1_000, "b"], [3_000, "c"], [10_000, "d"]];

Deno.test("plays at the pace of the session", async () => {
  const { clock, player, shown } = start(SESSION);
  await clock.advance(20_000);
  assertEquals(await shown(), [[0, "[80x25]"], [0, "a"], [1_000, "b"], [3_000, "c"], [10_000, "d"]]);
  assertEquals(await player.done, "ended");
  assertEquals(clock.armed, 0);
});

Deno.test("plays faster and slower, also from the middle of a gap", async () => {
  const { clock, player, shown } = start(SESSION, { speed: 2 });
  await clock.advance(1_000);
  assertEquals(player.position, 2_000);
  player.setSpeed(0.5);
  await clock.advance(2_000);
  assertEquals(await shown(), [[0, "[80x25]"], [0, "a"], [500, "b"], [3_000, "c"]]);
  player.setSpeed(1_000);
  assertEquals(player.speed, 16);
  player.setSpeed(0);
  assertEquals(player.speed, 0.25);
  player.quit();
  assertEquals(await player.done, "quit");
});

Deno.test("stands still while paused", async () => {
  const { clock, player, shown } = start(SESSION);
  await clock.advance(600);
  player.pause();
  await clock.advance(60_000);
  assertEquals([player.paused, player.position, clock.armed], [true, 600, 0]);
  player.play();
  await clock.advance(400);
  assertEquals((await shown()).at(-1), [61_000, "b"]);
  player.quit();
  await player.done;
});

Deno.test("goes forward at once and on from there", async () => {
  const { clock, player, shown } = start(SESSION);
  await clock.advance(500);
  await shown();
  player.seek(3_000);
  assertEquals(await shown(), [[500, "b"], [500, "c"]]);
  assertEquals(player.position, 3_500);
  await clock.advance(6_500);
  assertEquals(await shown(), [[7_000, "d"]]);
  assertEquals(await player.done, "ended");
});

Deno.test("goes backward from the start, on an empty screen", async () => {
  const { clock, player, shown, opened } = start(SESSION);
  await clock.advance(3_500);
  await shown();
  player.seek(-2_000);
  assertEquals(await shown(), [[3_500, "clear"], [3_500, "[80x25]"], [3_500, "a"], [3_500, "b"]]);
  assertEquals([player.position, opened()], [1_500, 2]);
  await clock.advance(1_500);
  assertEquals(await shown(), [[5_000, "c"]]);
  player.seek(-60_000);
  assertEquals((await shown()).map(([, text]) => text), ["clear", "[80x25]", "a"]);
  assertEquals(player.position, 0);
  player.quit();
  await player.done;
});

Deno.test("seeks while paused and stays paused", async () => {
  const { clock, player, shown } = start(SESSION);
  await clock.advance(100);
  await shown();
  player.pause();
  player.seek(2_000);
  assertEquals((await shown()).map(([, text]) => text), ["b"]);
  player.seek(-1_500);
  assertEquals((await shown()).map(([, text]) => text), ["clear", "[80x25]", "a"]);
  await clock.advance(5_000);
  assertEquals([await shown(), player.position], [[], 600]);
  player.quit();
  await player.done;
});

Deno.test("idle time is shortened when asked for", async () => {
  const { clock, player, shown } = start(SESSION, { skipIdle: true });
  await clock.advance(20_000);
  assertEquals((await shown()).slice(1), [[0, "a"], [1_000, "b"], [3_000, "c"], [3_500, "d"]]);
  assertEquals(await player.done, "ended");
  const later = start(SESSION);
  await later.clock.advance(5_000);
  later.player.setSkipIdle(true);
  await later.clock.advance(500);
  assertEquals((await later.shown()).at(-1), [5_500, "d"]);
  assertEquals(await later.player.done, "ended");
});

Deno.test("waits for a slow screen and then catches up", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, player, shown } = start(SESSION, { write: () => gate.promise });
  await clock.advance(2_000);
  assertEquals((await shown()).length, 2);
  gate.resolve();
  await clock.advance(10_000);
  assertEquals((await shown()).map(([, text]) => text), ["b", "c", "d"]);
  assertEquals(await player.done, "ended");
});

Deno.test("quitting ends a wait at once", async () => {
  const { clock, player } = start(SESSION);
  await clock.advance(1);
  player.quit();
  assertEquals([await player.done, clock.armed], ["quit", 0]);
});

Deno.test("a damaged recording and a failing screen end the playing", async () => {
  const damaged = start([], {
    open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("damaged")) }) }),
  });
  await assertRejects(() => damaged.player.done, Error, "damaged");
  const broken = start(SESSION, { write: () => Promise.reject(new Error("no terminal")) });
  await assertRejects(() => broken.player.done, Error, "no terminal");
});
