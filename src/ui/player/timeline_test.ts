import { assertEquals } from "@std/assert";
import { activity, timelineOf } from "./timeline.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 2, 1, 10, 0, seconds)).toISOString();

Deno.test("events become steps in order of time; those without milliseconds by their time of day", () => {
  const timeline = timelineOf([
    { event: "session.start", time: at(0), user: "joe", login: "root", size: "100:30" },
    { event: "print", time: at(1), ms: 0, offset: 0, bytes: 10 },
    { event: "resize", time: at(3), size: "80:24" },
    { event: "session.join", time: at(4), user: "ann" },
    { event: "print", time: at(5), ms: 4000, offset: 10, bytes: 5 },
    { event: "session.end", time: at(6), user: "joe" },
  ]);
  assertEquals(timeline.size, { w: 100, h: 30 });
  assertEquals(timeline.steps, [
    { kind: "resize", ms: 0, size: { w: 100, h: 30 } },
    { kind: "print", ms: 0, offset: 0, bytes: 10 },
    { kind: "resize", ms: 2000, size: { w: 80, h: 24 } },
    { kind: "mark", ms: 3000, text: "ann joined" },
    { kind: "print", ms: 4000, offset: 10, bytes: 5 },
  ]);
  assertEquals([timeline.duration, timeline.bytes, timeline.user, timeline.login], [5000, 15, "joe", "root"]);
});

Deno.test("a size that no terminal has is not believed, and time never goes back", () => {
  const timeline = timelineOf([
    { event: "print", ms: 100, offset: 0, bytes: 1, time: at(1) },
    { event: "resize", ms: 50, size: "9999:9999" },
    { event: "resize", ms: 50, size: "90:20" },
  ]);
  assertEquals(timeline.steps.map(({ kind, ms }) => [kind, ms]), [["print", 100], ["resize", 100]]);
});

Deno.test("activity tells where there was output, small as it may be", () => {
  const timeline = timelineOf([
    { event: "print", ms: 0, offset: 0, bytes: 1 },
    { event: "print", ms: 1000, offset: 1, bytes: 100_000 },
  ]);
  const [first = 0, second, , last] = activity(timeline, 4);
  assertEquals([first > 0 && first < 0.2, second, last], [true, 0, 1]);
});
