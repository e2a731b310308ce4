import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock, settle } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { HOUR, SECOND } from "../../base/duration.ts";
import { AuditLog } from "./log.ts";

const BEFORE_MIDNIGHT = Date.UTC(2026, 1, 28, 23, 59, 59);

function open(start?: number) {
  const clock = new FakeClock(start);
  const files = new MemoryFiles(clock);
  return { clock, files, log: new AuditLog("/log", files, clock) };
}

const users = async (log: AuditLog, query = {}) => (await log.search(query)).map((event) => event.user);

Deno.test("an event is one line of JSON with sorted keys, in the file of its UTC day", async () => {
  const { files, log } = open(BEFORE_MIDNIGHT);
  await log.emit({ user: "joe", event: "user.create", "addr.remote": "192.0.2.7", login: undefined });
  assertEquals(files.paths, ["/log/2026-02-28.00:00:00.log"]);
  assertEquals(
    files.text("/log/2026-02-28.00:00:00.log"),
    '{"addr.remote":"192.0.2.7","event":"user.create","time":"2026-02-28T23:59:59Z","user":"joe"}\n',
  );
});

Deno.test("events before and after midnight are in the files of their own days", async () => {
  const { clock, files, log } = open(BEFORE_MIDNIGHT);
  await log.emit({ event: "auth", user: "late" });
  await clock.advance(SECOND);
  await log.emit({ event: "auth", user: "early" });
  assertEquals(files.paths, ["/log/2026-02-28.00:00:00.log", "/log/2026-03-01.00:00:00.log"]);
  assert(files.text("/log/2026-02-28.00:00:00.log").includes("late"));
  assert(files.text("/log/2026-03-01.00:00:00.log").includes("early"));
});

Deno.test("an event that waits for a slow disk over midnight is still in the file of its own day", async () => {
  const { clock, files, log } = open(BEFORE_MIDNIGHT);
  const { promise: disk, resolve: diskReady } = Promise.withResolvers<void>();
  files.beforeAppend = () => disk;
  const first = log.emit({ event: "auth", user: "writing" });
  await settle();
  const waiting = log.emit({ event: "auth", user: "waiting" });
  await clock.advance(SECOND);
  const next = log.emit({ event: "auth", user: "next day" });
  diskReady();
  await Promise.all([first, waiting, next]);
  assert(files.text("/log/2026-02-28.00:00:00.log").includes("waiting"));
  assertEquals(files.text("/log/2026-02-28.00:00:00.log").includes("next day"), false);
  assert(files.text("/log/2026-03-01.00:00:00.log").includes("next day"));
});

Deno.test("events are written in the order in which they happened, however many at once", async () => {
  const { log } = open();
  await Promise.all(Array.from({ length: 100 }, (_, i) => log.emit({ event: "auth", user: `u${i}` })));
  assertEquals(await users(log), Array.from({ length: 100 }, (_, i) => `u${i}`));
});

Deno.test("an event is acknowledged only after it is in the file", async () => {
  const { files, log } = open();
  const { promise: disk, resolve: diskReady } = Promise.withResolvers<void>();
  files.beforeAppend = () => disk;
  let acknowledged = false;
  const written = log.emit({ event: "auth", user: "joe" }).then(() => void (acknowledged = true));
  await settle();
  assertEquals(acknowledged, false);
  diskReady();
  await written;
  assertEquals(await users(log), ["joe"]);
});

Deno.test("a write that fails tells those who wait for it, and what it was to write is written late", async () => {
  const { files, log } = open();
  await log.emit({ event: "auth", user: "before" });
  files.beforeAppend = () => {
    throw new Error("no space left on device");
  };
  const failed = await Promise.allSettled([
    log.emit({ event: "auth", user: "lost" }),
    log.emit({ event: "auth", user: "lost too" }),
  ]);
  assertEquals(failed.map((result) => result.status), ["rejected", "rejected"]);
  await assertRejects(() => log.emit({ event: "auth", user: "lost as well" }), Error, "no space left");
  files.beforeAppend = () => {};
  await log.emit({ event: "auth", user: "after" });
  assertEquals(
    (await log.search({})).map(({ user, late }) => [user, late]),
    [["before", undefined], ["lost", true], ["lost too", true], ["lost as well", true], ["after", undefined]],
  );
});

Deno.test("what a host reports again after a failed write is not written twice", async () => {
  const { files, log } = open();
  files.beforeAppend = () => {
    throw new Error("no space left on device");
  };
  await assertRejects(() => log.report({ event: "exec", user: "joe" }), Error, "no space left");
  files.beforeAppend = () => {};
  await log.report({ event: "exec", user: "joe" });
  assertEquals(await users(log), ["joe"]);
});

Deno.test("events beyond those that can wait for the disk are counted, and the count is in the log", async () => {
  const { files, log } = open();
  files.beforeAppend = () => {
    throw new Error("no space left on device");
  };
  await Promise.allSettled(
    Array.from({ length: 10_007 }, (_, i) => log.emit({ event: "auth", user: `u${i}` })),
  );
  files.beforeAppend = () => {};
  await log.emit({ event: "auth", user: "after" });
  const [lost] = await log.search({ events: ["events.lost"] });
  assertEquals(lost?.count, 7);
  assertEquals((await log.search({ events: ["auth"], limit: 20_000 })).length, 10_001);
});

Deno.test("after a line that a crash has cut off, the next event begins on a line of its own", async () => {
  const { files, log } = open();
  await files.append("/log/2026-01-15.00:00:00.log", '{"event":"auth","ti');
  await log.emit({ event: "auth", user: "after" });
  assertEquals(await users(log), ["after"]);
  files.beforeAppend = (path) => {
    files.beforeAppend = () => {};
    return files.append(path, '{"event":"auth","us').then(() => {
      throw new Error("no space left on device");
    });
  };
  await log.emit({ event: "auth", user: "cut" }).catch(() => {});
  await log.emit({ event: "auth", user: "whole" });
  assertEquals(await users(log), ["after", "cut", "whole"]);
});

Deno.test("a search finds by time and by kind", async () => {
  const { clock, log } = open();
  const start = clock.now();
  for (const [user, event] of [["a", "auth"], ["b", "exec"], ["c", "auth"]] as const) {
    await log.emit({ event, user });
    await clock.advance(HOUR);
  }
  assertEquals(await users(log, { events: ["auth"] }), ["a", "c"]);
  assertEquals(await users(log, { events: [] }), []);
  assertEquals(await users(log, { from: start + HOUR }), ["b", "c"]);
  assertEquals(await users(log, { to: start + HOUR }), ["a", "b"]);
  assertEquals(await users(log, { from: start + 1, to: start + 2 * HOUR - 1 }), ["b"]);
  assertEquals(await users(log, { from: start + 5 * HOUR }), []);
});

Deno.test("a search over several days gives the newest events, the newest last", async () => {
  const { clock, log } = open();
  for (let i = 0; i < 10; i++) {
    await log.emit({ event: "auth", user: `u${i}` });
    await clock.advance(7 * HOUR);
  }
  assertEquals(await users(log, { limit: 1 }), ["u9"]);
  assertEquals(await users(log, { limit: 4 }), ["u6", "u7", "u8", "u9"]);
  assertEquals(await users(log), ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"]);
});

Deno.test("an event that a host reports after midnight is found on the day it happened", async () => {
  const { clock, log } = open(BEFORE_MIDNIGHT);
  await clock.advance(10 * SECOND);
  await log.emit({ event: "exec", user: "joe", time: "2026-02-28T23:59:58Z" });
  assertEquals(await users(log, { from: BEFORE_MIDNIGHT - HOUR, to: BEFORE_MIDNIGHT }), ["joe"]);
});

Deno.test("lines that a crash cut off, and lines that are no events, are passed over", async () => {
  const { files, log } = open();
  await log.emit({ event: "auth", user: "whole" });
  await files.append("/log/2026-01-15.00:00:00.log", '5\nnull\n{"event":1,"time":"x"}\n{"event":"auth","ti');
  assertEquals(await users(log), ["whole"]);
});

Deno.test("files of other names in the folder are not read", async () => {
  const { files, log } = open();
  await files.append("/log/2026-01-15.00:00:00.log.old", '{"event":"auth","time":"2026-01-15T00:00:00Z"}\n');
  await files.append("/log/sessions/x.log", '{"event":"auth","time":"2026-01-15T00:00:00Z"}\n');
  assertEquals(await users(log), []);
});

Deno.test("an event without a time is stamped even when the field is there and empty", async () => {
  const { log } = open();
  await log.emit({ event: "auth", user: "joe", time: undefined });
  assertEquals((await log.search({})).map((event) => event.time), ["2026-01-15T12:00:00Z"]);
});
