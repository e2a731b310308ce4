import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { DAY, HOUR } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { dayFiles, dayStart } from "./day_files.ts";
import { AuditLog } from "./log.ts";

const START = Date.UTC(2026, 1, 1);

/** Ten days with an event every six hours: u0 to u39. */
async function tenDays() {
  const clock = new FakeClock(START);
  const files = new MemoryFiles(clock);
  const log = new AuditLog("/log", files, clock);
  for (let i = 0; i < 40; i++) {
    await log.emit({ event: i % 2 === 0 ? "auth" : "exec", user: `u${i}`, command: `Run ${i}` });
    await clock.advance(6 * HOUR);
  }
  const read: string[] = [];
  const lines = files.lines.bind(files);
  files.lines = (path) => {
    read.push(path.slice("/log/2026-02-".length, "/log/2026-02-".length + 2));
    return lines(path);
  };
  const find = async (query: Parameters<AuditLog["search"]>[0]) =>
    (await log.search(query)).map(({ user }) => user);
  return { clock, files, log, read, find };
}

Deno.test("the order says which events come first, and which of too many are left out", async () => {
  const { find } = await tenDays();
  assertEquals(await find({ limit: 3 }), ["u37", "u38", "u39"]);
  assertEquals(await find({ limit: 3, order: "newest" }), ["u39", "u38", "u37"]);
  assertEquals(await find({ limit: 3, order: "oldest" }), ["u0", "u1", "u2"]);
  assertEquals(await find({ limit: 6, order: "oldest", from: START + DAY }), [
    "u4",
    "u5",
    "u6",
    "u7",
    "u8",
    "u9",
  ]);
});

Deno.test("only the files of days that can hold what is wanted are read", async () => {
  const { read, find } = await tenDays();
  await find({ limit: 5 });
  assertEquals(read, ["10", "09"]);
  read.length = 0;
  await find({ limit: 5, order: "oldest" });
  assertEquals(read, ["01", "02"]);
  read.length = 0;
  // The day after is read as well: hosts that were cut off report late.
  assertEquals(await find({ from: START + 2 * DAY, to: START + 3 * DAY - 1 }), ["u8", "u9", "u10", "u11"]);
  assertEquals(read, ["04", "03"]);
});

Deno.test("a search finds by user, also by the one who did it, and by text in any case", async () => {
  const { log, find } = await tenDays();
  await log.emit({ event: "user.lock", user: "ann", by: "user bob", "addr.remote": "192.0.2.7" });
  assertEquals(await find({ user: "ann" }), ["ann"]);
  assertEquals(await find({ user: "user bob" }), ["ann"]);
  assertEquals(await find({ user: "an" }), []);
  assertEquals(await find({ text: "rUN 3" }), [
    "u3",
    ...Array.from({ length: 10 }, (_, i) => `u${30 + i}`),
  ]);
  assertEquals(await find({ text: "192.0.2.7", events: ["user.lock"] }), ["ann"]);
  assertEquals(await find({ text: "192.0.2.7", events: ["auth"] }), []);
});

Deno.test("what may not be seen does not count towards the limit", async () => {
  const { log } = await tenDays();
  const found = await log.search({ limit: 2 }, ({ event }) => event === "auth");
  assertEquals(found.map(({ user }) => user), ["u36", "u38"]);
});

Deno.test("a search of a huge day keeps no more than its answer, and one that takes too long says so", async () => {
  const { clock, files, log } = await tenDays();
  let most = 0;
  files.lines = async function* () {
    for (let i = 0; i < 100_000; i++) {
      if (i % 1000 === 0) most++;
      if (i === 50_000 && slow) await clock.advance(21_000);
      yield `{"event":"auth","time":"2026-02-10T00:00:00Z","user":"n${i}"}`;
    }
  };
  let slow = false;
  const found = await log.search({ limit: 3, from: START + 9 * DAY, to: START + 9 * DAY });
  assertEquals(found.map(({ user }) => user), ["n99997", "n99998", "n99999"]);
  slow = true;
  const error = await assertRejects(() => log.search({ from: START + 9 * DAY }), AppError, "takes too long");
  assertEquals(error.code, "limit");
});

Deno.test("days are known by their names, whatever else lies in the folder", () => {
  const names = [
    "2026-02-02.00:00:00.log",
    "sessions",
    "x.log",
    "2026-02-01.00:00:00.log",
    "9999-99-99.00:00:00.log",
  ];
  assertEquals(dayFiles(names).map(({ start }) => start), [START, START + DAY]);
  assertEquals(dayStart(START + 5), START);
});
