import { assertEquals } from "@std/assert";
import { ByteSource } from "./byte_source.ts";
import { type Frames, Playback, type Stage } from "./playback.ts";
import { timelineOf } from "./timeline.ts";

const LINES = 3000;
const LINE = 1024;

/** A screen that keeps what was written, as the number of the last line. */
class FakeStage implements Stage {
  shown = "";
  size = { w: 80, h: 24 };
  written = 0;
  #drawn: (() => void)[] = [];

  write(bytes: Uint8Array | string, drawn: () => void): void {
    const text = typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
    this.written += text.length;
    this.shown = (this.shown + text).slice(-LINE);
    this.#drawn.push(drawn);
    queueMicrotask(() => this.#drawn.shift()?.());
  }

  reset(): void {
    this.shown = "";
  }

  resize(size: { w: number; h: number }): void {
    this.size = size;
  }

  snapshot(): string {
    return this.shown;
  }
}

/** Pictures that are drawn when the test says so. */
class FakeFrames implements Frames {
  #draw: ((now: number) => void) | undefined;
  #now = 0;

  request(draw: (now: number) => void): number {
    this.#draw = draw;
    return 1;
  }

  cancel(): void {
    this.#draw = undefined;
  }

  now(): number {
    return this.#now;
  }

  /** Lets time pass and draws. */
  pass(ms: number): void {
    this.#now += ms;
    const draw = this.#draw;
    this.#draw = undefined;
    draw?.(this.#now);
  }
}

function setUp(gap = 100) {
  const text = Array.from({ length: LINES }, (_, line) => String(line).padStart(LINE, " ")).join("");
  const bytes = new TextEncoder().encode(text);
  const asked: [number, number][] = [];
  const source = new ByteSource((offset, count) => {
    asked.push([offset, count]);
    return Promise.resolve(bytes.slice(offset, offset + count));
  }, bytes.length);
  const timeline = timelineOf([
    ...Array.from({ length: LINES }, (_, line) => ({
      event: "print",
      ms: line * gap,
      offset: line * LINE,
      bytes: LINE,
    })),
    { event: "resize", ms: LINES * gap, size: "100:40" },
  ]);
  const stage = new FakeStage();
  const frames = new FakeFrames();
  return { stage, asked, frames, playback: new Playback(timeline, source, stage, frames) };
}

async function settled(playback: Playback, stage: FakeStage, line: number): Promise<void> {
  for (let tries = 0; tries < 1000 && stage.shown.trim().split(/\s+/).at(-1) !== String(line); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(stage.shown.trim().split(/\s+/).at(-1), String(line), `at ${playback.time.value} ms`);
}

Deno.test("seeking shows what was on the screen at that time, forward and back", async () => {
  const { playback, stage } = setUp();
  await settled(playback, stage, 0);
  playback.seek(1000);
  await settled(playback, stage, 10);
  playback.seek(250_050);
  await settled(playback, stage, 2500);
  playback.seek(50);
  await settled(playback, stage, 0);
  playback.seek(Infinity);
  await settled(playback, stage, LINES - 1);
  assertEquals(stage.size, { w: 100, h: 40 });
  playback.close();
});

Deno.test("going back starts at the nearest snapshot, and not at the beginning", async () => {
  const { playback, stage } = setUp();
  playback.seek(290_000);
  await settled(playback, stage, 2900);
  const before = stage.written;
  playback.seek(280_000);
  await settled(playback, stage, 2800);
  assertEquals(stage.written - before < 1_000_000, true, `${stage.written - before} bytes were written`);
  playback.close();
});

Deno.test("output is fetched in parts, once, and a part that failed is asked for again", async () => {
  const { playback, stage, asked } = setUp();
  playback.seek(Infinity);
  await settled(playback, stage, LINES - 1);
  playback.seek(0);
  await settled(playback, stage, 0);
  assertEquals(asked.length, 3);
  let fails = true;
  const source = new ByteSource((_, count) => {
    if (fails) return Promise.reject(new Error("no network"));
    return Promise.resolve(new Uint8Array(count));
  }, 10);
  assertEquals(await source.read(0, 5).catch((error: Error) => error.message), "no network");
  fails = false;
  assertEquals((await source.read(0, 5)).length, 5);
  playback.close();
});

Deno.test("playing follows the clock at the chosen speed, stops, and ends at the end", async () => {
  const { playback, stage, frames } = setUp();
  await settled(playback, stage, 0);
  playback.play();
  frames.pass(1000);
  await settled(playback, stage, 10);
  playback.changeSpeed(1);
  playback.changeSpeed(1);
  frames.pass(1000);
  await settled(playback, stage, 50);
  playback.toggle();
  frames.pass(1000);
  assertEquals([playback.time.value, playback.playing.value], [5000, false]);
  playback.seek(299_900);
  await settled(playback, stage, LINES - 1);
  playback.play();
  frames.pass(1000);
  assertEquals([playback.time.value, playback.playing.value], [300_000, false]);
  playback.play(); // from the beginning again
  assertEquals(playback.time.value, 0);
  playback.close();
});

Deno.test("idle time is passed over, unless it is wanted", async () => {
  const { playback, stage, frames } = setUp(60_000);
  await settled(playback, stage, 0);
  playback.play();
  frames.pass(100);
  assertEquals(playback.time.value, 59_700);
  frames.pass(300);
  await settled(playback, stage, 1);
  playback.skipsIdle.set(false);
  frames.pass(100);
  assertEquals(playback.time.value, 60_100);
  playback.close();
});
