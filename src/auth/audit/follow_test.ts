import { assert, assertEquals } from "@std/assert";
import { FakeClock, settle } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { AppError } from "../../base/errors.ts";
import type { AuditEvent } from "../../model/event.ts";
import { followLog, type FollowOptions } from "./follow.ts";
import { AuditLog } from "./log.ts";

function open(change: Partial<FollowOptions> = {}) {
  const clock = new FakeClock();
  const log = new AuditLog("/log", new MemoryFiles(clock), clock);
  const sent: AuditEvent[] = [];
  let ended = false;
  const faults: unknown[] = [];
  const following = followLog(log, {
    filter: {},
    visible: () => Promise.resolve(() => true),
    send: (events) => Promise.resolve(void sent.push(...events)),
    end: () => ended = true,
    fault: (error) => faults.push(error),
    ...change,
  });
  return { log, sent, following, ended: () => ended, faults };
}

Deno.test("a failure on the way ends that watcher's connection, is told, and harms nobody else", async () => {
  const broken = new Error("the store is away");
  const { log, ended, faults } = open({ visible: () => Promise.reject(broken) });
  await log.emit({ event: "auth", user: "joe" });
  await settle();
  assertEquals([ended(), faults], [true, [broken]]);
  await log.emit({ event: "auth", user: "joe" });
});

Deno.test("a watcher gets what is written from now on, in order, if it fits", async () => {
  const { log, sent, following } = open({ filter: { events: ["auth"], user: "joe" } });
  for (let i = 0; i < 500; i++) {
    await log.emit({ event: "auth", user: i % 2 ? "joe" : "ann", count: i });
    await log.emit({ event: "exec", user: "joe" });
  }
  await settle();
  assertEquals(sent.map(({ count }) => count), Array.from({ length: 250 }, (_, i) => 2 * i + 1));
  following.stop();
  await log.emit({ event: "auth", user: "joe" });
  await settle();
  assertEquals(sent.length, 250);
});

Deno.test("a watcher who reads nothing costs bounded memory and is told how many events are missing", async () => {
  const { promise: room, resolve } = Promise.withResolvers<void>();
  const sent: AuditEvent[] = [];
  const { log } = open({ send: (events) => room.then(() => void sent.push(...events)) });
  await log.emit({ event: "auth", count: -1 });
  await settle();
  await Promise.all(Array.from({ length: 8000 }, (_, i) => log.emit({ event: "auth", count: i })));
  resolve();
  for (let i = 0; i < 20; i++) await settle();
  const lost = sent.filter(({ event }) => event === "events.lost");
  assertEquals(lost.map(({ count }) => count), [3000]);
  assertEquals(sent.length, 1 + 5000 + 1);
});

Deno.test("a watcher whose rights are taken away sees nothing more, and the connection ends", async () => {
  let allowed = true;
  const { log, sent, ended } = open({
    visible: () =>
      allowed ? Promise.resolve(() => true) : Promise.reject(new AppError("access_denied", "locked")),
  });
  await log.emit({ event: "auth", user: "before" });
  await settle();
  allowed = false;
  await log.emit({ event: "auth", user: "after" });
  await settle();
  assertEquals(sent.map(({ user }) => user), ["before"]);
  assert(ended());
});
