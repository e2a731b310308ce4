import { assertEquals } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { DAY, HOUR, SECOND } from "../../base/duration.ts";
import { AuditLog } from "./log.ts";
import { Recordings } from "./recordings.ts";
import { applyRetention } from "./retention.ts";

const START = Date.UTC(2026, 1, 1, 12);

function setting() {
  const clock = new FakeClock(START);
  const files = new MemoryFiles(clock);
  const log = new AuditLog("/log", files, clock);
  const recordings = new Recordings("/log/sessions", files);
  const live = new Set<string>();
  const needed = { from: Infinity };
  const options = {
    log,
    recordings,
    files,
    clock,
    receiving: (sid: string) => live.has(sid),
    neededFrom: () => needed.from,
  };
  const days = () =>
    files.paths.filter((path) => /^\/log\/[^/]+\.log$/.test(path)).map((path) => path.slice(5, 15));
  return { clock, files, log, recordings, options, days, live, needed };
}

Deno.test("only whole days that are over for longer than the log is kept are deleted, with an event", async () => {
  const { clock, log, options, days } = setting();
  for (let i = 0; i < 5; i++) {
    await log.emit({ event: "auth", user: `u${i}` });
    await clock.advance(DAY);
  }
  await applyRetention({ ...options, keepLog: 3 * DAY });
  // It is noon of the 6th: the 3rd has been over for two days and a half.
  assertEquals(days(), ["2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06"]);
  const [event] = await log.search({ events: ["audit.retention"] });
  assertEquals([event?.from, event?.to, event?.count], ["2026-02-01", "2026-02-02", 2]);
  assertEquals((await log.search({ events: ["auth"] })).map(({ user }) => user), ["u2", "u3", "u4"]);
  await clock.advance(12 * HOUR - SECOND);
  await applyRetention({ ...options, keepLog: 3 * DAY });
  assertEquals(days()[0], "2026-02-03");
  await clock.advance(SECOND);
  await applyRetention({ ...options, keepLog: 3 * DAY });
  assertEquals(days()[0], "2026-02-04");
});

Deno.test("by default everything is kept for ever", async () => {
  const { clock, log, options, files } = setting();
  await log.emit({ event: "auth" });
  await clock.advance(4000 * DAY);
  const before = files.paths;
  await applyRetention(options);
  assertEquals(files.paths, before);
});

Deno.test("a day that a sink has not passed on yet stays until it has", async () => {
  const { clock, log, options, days, needed } = setting();
  const first = Math.floor(clock.now() / DAY) * DAY;
  for (let day = 0; day < 6; day++) {
    await log.emit({ event: "auth", success: true });
    await clock.advance(DAY);
  }
  const before = (await days()).length;
  needed.from = first;
  await applyRetention({ ...options, keepLog: 2 * DAY });
  assertEquals((await days()).length >= before, true);
  needed.from = Infinity;
  await applyRetention({ ...options, keepLog: 2 * DAY });
  assertEquals((await days()).length < before, true);
});

Deno.test("the recording of a session that still runs stays, however long it was quiet", async () => {
  const { clock, options, files, recordings, live } = setting();
  const sid = crypto.randomUUID();
  await recordings.claim(sid, "host");
  await files.append(`/log/sessions/default/${sid}.session.log`, "{}\n");
  live.add(sid);
  await clock.advance(10 * DAY);
  await applyRetention({ ...options, keepRecordings: 5 * DAY });
  assertEquals(files.paths.some((path) => path.includes(sid)), true);
  live.delete(sid);
  await applyRetention({ ...options, keepRecordings: 5 * DAY });
  assertEquals(files.paths.some((path) => path.includes(`${sid}.session`)), false);
});

Deno.test("recordings go when nobody has added to them for long enough, each with an event", async () => {
  const { clock, log, options, files, recordings } = setting();
  const [old, running] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const sid of [old, running]) {
    await recordings.claim(sid, "host");
    await files.append(`/log/sessions/default/${sid}.session.log`, "{}\n");
    await files.append(`/log/sessions/default/${sid}.session.bytes`, "x");
  }
  await files.append("/log/sessions/default/notes.txt", "an administrator's own");
  await clock.advance(10 * DAY);
  await files.append(`/log/sessions/default/${running}.session.bytes`, "x");
  await applyRetention({ ...options, keepRecordings: 5 * DAY });
  const left = files.paths.filter((path) => path.startsWith("/log/sessions/"));
  assertEquals(left.some((path) => path.includes(old)), false);
  assertEquals(left.filter((path) => path.includes(running)).length, 3);
  assertEquals(left.length, 4);
  assertEquals((await log.search({ events: ["recording.delete"] })).map(({ sid }) => sid), [old]);
});
