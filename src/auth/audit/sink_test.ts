import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock, settle } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { DAY, MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { dayStart } from "./day_files.ts";
import { AuditLog } from "./log.ts";
import { AuditSink, type SinkOptions } from "./sink.ts";

const START = Date.UTC(2026, 1, 28, 23, 59, 0);

function setting() {
  const clock = new FakeClock(START);
  const files = new MemoryFiles(clock);
  const log = new AuditLog("/log", files, clock);
  const collector = { got: [] as string[], away: false, refuses: (_user: string) => false, batches: 0 };
  const said: string[] = [];
  const options: SinkOptions = {
    name: "http https://collector:443/",
    log,
    files,
    path: "/auth/sink.json",
    maxBehind: 1024 * 1024,
    clock,
    async deliver(lines) {
      await Promise.resolve();
      if (collector.away) throw new AppError("unavailable", "nobody listens there");
      const users = lines.map((line) => String(JSON.parse(line).user ?? JSON.parse(line).event));
      if (users.some(collector.refuses)) throw new AppError("bad_input", "it answered with status 400");
      collector.batches++;
      collector.got.push(...users);
    },
    report: (_level, text) => said.push(text),
  };
  const emit = async (...users: string[]) => {
    for (const user of users) await log.emit({ event: "auth", user });
    for (let i = 0; i < 5; i++) await settle();
  };
  return { clock, files, log, collector, options, emit, said };
}

Deno.test("a sink passes every event on once, in order, from now on and over midnight", async () => {
  const { clock, collector, options, emit } = setting();
  await emit("before");
  const sink = await AuditSink.start(options);
  await emit("a", "b");
  await clock.advance(2 * MINUTE);
  await emit("c");
  await clock.advance(3 * DAY);
  await emit("d");
  assertEquals(collector.got, ["a", "b", "c", "d"]);
  await sink.stop(1000);
});

Deno.test("a collector that is away misses nothing, also over a restart of ours", async () => {
  const { clock, collector, options, emit, said } = setting();
  const sink = await AuditSink.start(options);
  await emit("a");
  collector.away = true;
  await emit("b");
  await clock.advance(2 * DAY);
  await emit("c");
  await sink.stop(1000);
  await emit("while it was off");
  const next = await AuditSink.start(options);
  await emit("d");
  assertEquals(collector.got, ["a"]);
  collector.away = false;
  await clock.advance(2 * MINUTE);
  await emit("e");
  assertEquals(collector.got, ["a", "b", "c", "while it was off", "d", "e"]);
  assertEquals(said.length, 3, "one word for each time it went away, and one when it came back");
  assertStringIncludes(said[0] ?? "", "nobody listens there");
  assertStringIncludes(said[2] ?? "", "takes events again");
  await next.stop(1000);
});

Deno.test("after a crash events may come twice, but none is missing", async () => {
  const { collector, options, emit } = setting();
  const place = options.files;
  // The process ends without a word: its place on disk is that of the start.
  const crashed = await AuditSink.start({
    ...options,
    files: { ...place, readText: place.readText.bind(place), writePrivate: () => Promise.resolve() },
  });
  await options.files.writePrivate(options.path, JSON.stringify({ day: dayStart(START), offset: 0 }));
  await emit("a", "b");
  await crashed.stop(1000);
  const next = await AuditSink.start(options);
  await emit("c");
  assertEquals(collector.got, ["a", "b", "a", "b", "c"]);
  await next.stop(1000);
});

Deno.test("attempts are spaced further and further apart, up to a minute or so", async () => {
  const { clock, collector, options, emit } = setting();
  let attempts = 0;
  collector.away = true;
  const deliver = (lines: readonly string[]) => {
    attempts++;
    return options.deliver(lines);
  };
  const sink = await AuditSink.start({ ...options, deliver });
  await emit("a");
  await clock.advance(10 * MINUTE);
  assert(attempts >= 10 && attempts <= 30, `${attempts} attempts in ten minutes`);
  await emit("b", "c");
  assert(attempts <= 30, "new events are no reason to try at once");
  await sink.stop(1000);
});

Deno.test("when too much waits the oldest events are given up, counted, and the number is an event", async () => {
  const { clock, collector, options, emit, log } = setting();
  collector.away = true;
  const sink = await AuditSink.start({ ...options, maxBehind: 300 * 1024 });
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from(
        { length: 100 },
        (_, i) => log.emit({ event: "auth", user: `u${round * 100 + i}`, text: "x".repeat(1000) }),
      ),
    );
    await clock.advance(5 * MINUTE);
  }
  collector.away = false;
  await clock.advance(2 * MINUTE);
  await emit("last");
  const users = collector.got.filter((user) => user.startsWith("u"));
  const [lost] = await log.search({ events: ["events.lost"] });
  const notices = await log.search({ events: ["events.lost"] });
  const lostInAll = notices.reduce((sum, event) => sum + Number(event.count), 0);
  const noticesLost = notices.length - collector.got.filter((user) => user === "events.lost").length;
  assertEquals(lost?.sink, options.name);
  assertEquals(users.length + lostInAll - noticesLost, 1000);
  assertEquals(users.at(-1), "u999");
  assertEquals(users[0], `u${1000 - users.length}`, "those that are left are the newest, without a gap");
  assert(collector.got.includes("events.lost"), "the collector is told, too");
  assert(lostInAll < 900 && lostInAll > 500, `${lostInAll}`);
  assertEquals(sink.state.lost, lostInAll);
  await sink.stop(1000);
});

Deno.test("an event that a collector never takes does not hold up the others", async () => {
  const { collector, options, emit, log } = setting();
  collector.refuses = (user) => user === "poison";
  const sink = await AuditSink.start(options);
  await Promise.all(
    Array.from({ length: 300 }, (_, i) => log.emit({ event: "auth", user: i === 137 ? "poison" : `u${i}` })),
  );
  await emit("after");
  assertEquals(collector.got.filter((user) => user !== "events.lost").length, 300);
  const [lost] = await log.search({ events: ["events.lost"] });
  assertEquals([lost?.count, lost?.reason], [1, "it answered with status 400"]);
  await sink.stop(1000);
});

Deno.test("a sink for some events gets those only", async () => {
  const { collector, options, emit, log } = setting();
  const sink = await AuditSink.start({ ...options, events: ["exec"] });
  await log.emit({ event: "exec", user: "joe" });
  await emit("a", "b");
  assertEquals(collector.got, ["joe"]);
  await sink.stop(1000);
});

Deno.test("lines of any length, and those that a crash has cut off, are no hindrance", async () => {
  const { files, collector, options, emit, log } = setting();
  const sink = await AuditSink.start(options);
  await log.emit({ event: "auth", user: "long", text: "x".repeat(600_000) });
  await files.append("/log/2026-02-28.00:00:00.log", '{"event":"auth","us');
  await emit("a");
  await files.append("/log/2026-02-28.00:00:00.log", 'er":"joined"}\n\nno json\n');
  await emit("b");
  assertEquals(collector.got.slice(0, 1), ["long"]);
  assertEquals(collector.got.at(-1), "b");
  await sink.stop(1000);
});

Deno.test("a damaged place makes a sink begin anew and says so", async () => {
  const { files, options, collector, emit, said } = setting();
  await files.writePrivate(options.path, "{");
  const sink = await AuditSink.start(options);
  await emit("a");
  assertEquals(collector.got, ["a"]);
  assertStringIncludes(said[0] ?? "", "is damaged");
  await sink.stop(1000);
});

Deno.test("a collector that refuses everything is not told of its refusals for ever", async () => {
  const { log, options, emit } = setting();
  let posts = 0;
  const deliver = async () => {
    posts++;
    await Promise.resolve();
    throw new AppError("bad_input", "it answered with status 404");
  };
  const sink = await AuditSink.start({ ...options, deliver });
  await emit("a");
  for (let i = 0; i < 100; i++) await settle();
  assertEquals((await log.search({ events: ["events.lost"] })).length, 1);
  assert(posts <= 3, `${posts} posts`);
  await sink.stop(1000);
});

Deno.test("a failure in the middle of much does not send the beginning again", async () => {
  const { clock, files, options, emit, log, collector } = setting();
  await files.writePrivate(options.path, JSON.stringify({ day: dayStart(START), offset: 0 }));
  for (let i = 0; i < 700; i++) void log.emit({ event: "auth", user: `u${i}` });
  await emit("last");
  collector.refuses = (user) => user === "u3";
  let broken = true;
  const sink = await AuditSink.start({
    ...options,
    deliver: (lines) =>
      broken && lines.some((line) => line.includes('"user":"u650"'))
        ? Promise.reject(new AppError("unavailable", "it answered with status 500"))
        : options.deliver(lines),
  });
  for (let i = 0; i < 5; i++) {
    await clock.advance(2 * MINUTE);
    for (let turn = 0; turn < 30; turn++) await settle();
  }
  broken = false;
  for (let i = 0; i < 3; i++) {
    await clock.advance(2 * MINUTE);
    for (let turn = 0; turn < 30; turn++) await settle();
  }
  assertEquals(collector.got.filter((user) => user === "u1").length, 1);
  assertEquals(collector.got.filter((user) => user === "u650").length, 1);
  assertEquals((await log.search({ events: ["events.lost"] })).length, 1);
  const stopped = sink.stop(1000);
  await clock.advance(MINUTE);
  await stopped;
});
