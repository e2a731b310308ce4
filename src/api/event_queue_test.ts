import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { Caller } from "./client.ts";
import { EventQueue } from "./event_queue.ts";

type Sent = { event: string; command?: string };

function queueTo(refuse: (event: Sent) => boolean) {
  const taken: Sent[] = [];
  let largest = 0;
  const call = (_method: string, { events }: { events: Sent[] }) => {
    largest = Math.max(largest, JSON.stringify(events).length);
    if (events.some(refuse)) return Promise.reject(new AppError("bad_input", "refused"));
    taken.push(...events);
    return Promise.resolve({});
  };
  const spool = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() };
  const queue = new EventQueue({ call } as unknown as Caller, systemClock, spool);
  return { queue, taken, largest: () => largest };
}

Deno.test("a very long command is cut and still in the log", async () => {
  const { queue, taken } = queueTo(({ command = "" }) => command.length > 16_384);
  queue.emit({ event: "exec", command: "x".repeat(100_000) });
  await queue.stop(1000);
  assertEquals(taken.map(({ command }) => command?.length), [16_003]);
});

Deno.test("an event that auth refuses does not take its neighbours with it, and its loss is told", async () => {
  const { queue, taken } = queueTo(({ command }) => command === "bad");
  for (const command of ["one", "bad", "two"]) queue.emit({ event: "exec", command });
  await queue.stop(1000);
  assertEquals(taken.filter(({ event }) => event === "exec").map(({ command }) => command), ["one", "two"]);
  assertEquals(taken.filter(({ event }) => event === "events.lost").length, 1);
});

Deno.test("many large events go in messages that stay far below the API's bound", async () => {
  const { queue, taken, largest } = queueTo(() => false);
  for (let i = 0; i < 200; i++) queue.emit({ event: "exec", command: "\u0001".repeat(16_000) });
  await queue.stop(5000);
  assertEquals(taken.length, 200);
  assert(largest() < 1024 * 1024, `${largest()} characters in one message`);
});

Deno.test("when auth refuses everything the queue ends instead of asking for ever", async () => {
  const { queue, taken } = queueTo(() => true);
  for (let i = 0; i < 3; i++) queue.emit({ event: "exec", command: `${i}` });
  await queue.stop(1000);
  assertEquals(taken, []);
});
