import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { Caller } from "./client.ts";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { readJournal } from "./event_journal.ts";
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
  const spool = { append: () => Promise.resolve(), save: () => Promise.resolve() };
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

/** A queue whose auth server answers when the test lets it, and its file. */
function slowQueue() {
  const file = { text: "" };
  const taken: Sent[] = [];
  let gate = Promise.withResolvers<void>();
  const clock = new FakeClock();
  const call = async (_method: string, { events }: { events: Sent[] }) => {
    await gate.promise;
    taken.push(...events);
  };
  const spool = {
    append: (text: string) => Promise.resolve(void (file.text += text)),
    save: (text: string) => Promise.resolve(void (file.text = text)),
  };
  const queue = new EventQueue({ call } as unknown as Caller, clock, spool);
  const answer = () => {
    gate.resolve();
    gate = Promise.withResolvers();
  };
  return { queue, taken, file, clock, answer };
}

const commands = (events: { command?: unknown }[]) => events.map(({ command }) => Number(command));

Deno.test("events that auth does not take are on disk within a second or so, and no longer than they wait", async () => {
  const { queue, taken, file, clock, answer } = slowQueue();
  for (let i = 0; i < 300; i++) queue.emit({ event: "exec", command: `${i}` });
  await settle();
  assertEquals(file.text, "", "a quick answer costs no disk");
  await clock.advance(1000);
  assertEquals(commands(readJournal(file.text)).length, 300);
  queue.emit({ event: "exec", command: "300" });
  await clock.advance(1000);
  const numbers = Array.from({ length: 301 }, (_, i) => i);
  assertEquals(commands(readJournal(file.text)), numbers);
  answer();
  await settle();
  assertEquals(commands(taken), numbers.slice(0, 200));
  assertEquals(commands(readJournal(file.text)), numbers.slice(200), "what was delivered is not sent again");
  answer();
  await settle();
  assertEquals(commands(taken), numbers);
  assertEquals(file.text, "");
});

Deno.test("the journal of a process that crashed is taken up, without its last line if that is cut", async () => {
  const { queue, taken, file, answer } = slowQueue();
  const line = (n: number) =>
    JSON.stringify({ event: "exec", time: "2026-01-01T00:00:00Z", command: `${n}` });
  await queue.adopt(`${line(1)}\n${line(2)}\n{"delivered":1}\n${line(3)}\n{"event":"ex`);
  assertEquals(
    commands(readJournal(file.text)),
    [2, 3],
    "it is in the own journal before the other one is removed",
  );
  await settle();
  answer();
  await settle();
  assertEquals(commands(taken), [2, 3]);
  assertEquals(file.text, "");
});
