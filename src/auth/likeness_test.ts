import { assertEquals, assertNotEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { MINUTE } from "../base/duration.ts";
import { startLog } from "../base/log.ts";
import { MemoryBackend } from "../store/memory.ts";
import { comparable, type ComparedSettings, Likeness } from "./likeness.ts";

const SETTINGS: ComparedSettings = {
  staticTokens: [{ token: "secret-token", roles: ["node", "proxy"] }],
  secondFactor: "otp",
  sessionRecording: "node",
};

Deno.test("tokens count whatever their order, and are not shown", () => {
  const [a, b] = [{ token: "a", roles: ["node"] }, { token: "b", roles: ["proxy", "node"] }];
  const of = (staticTokens: ComparedSettings["staticTokens"]) => comparable({ ...SETTINGS, staticTokens });
  assertEquals(of([a, b]), of([{ ...b, roles: ["node", "proxy"] }, a]));
  assertNotEquals(of([a]), of([a, b]));
  assertEquals(JSON.stringify(comparable(SETTINGS)).includes("secret-token"), false);
});

Deno.test("a difference is told once, a server that has gone is not compared, and a log elsewhere is told after a while", async () => {
  const clock = new FakeClock();
  const store = new MemoryBackend(clock);
  const told: string[] = [];
  await startLog("ERROR", ({ message }) => told.push(message));
  let running = [{ id: "one", name: "first" }, { id: "other", name: "second" }];
  let logIsHere = true;
  const around = { clock, running: () => running, knowsLogOf: () => Promise.resolve(logIsHere) };
  await new Likeness(store, "other", { ...SETTINGS, secondFactor: "off" }, around).publish();
  const one = new Likeness(store, "one", SETTINGS, around);
  told.length = 0;
  await one.publish();
  await one.compare();
  assertEquals(told.length, 1);
  assertEquals(
    told[0]?.includes("auth_service.authentication.second_factor must be the same"),
    true,
    told[0],
  );
  logIsHere = false;
  await one.compare();
  assertEquals(told.length, 1);
  await clock.advance(2 * MINUTE);
  await one.compare();
  await one.compare();
  assertEquals(told.length, 2);
  assertEquals(told[1]?.includes("is not in this log directory"), true, told[1]);
  running = [];
  await one.compare();
  assertEquals(told.length, 2);
});
