import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type LogEntry, textLine } from "../../base/log_entry.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { LogQueue, type LogSink } from "./queue.ts";

const decoder = new TextDecoder();

function entry(message: string): LogEntry {
  return { time: 0, level: "info", component: "test", message };
}

/** A place to write to that takes lines when the test lets it. */
class SlowSink implements LogSink {
  readonly lines: string[] = [];
  gate: Promise<void> = Promise.resolve();
  failing = false;
  render = (entry: LogEntry) => new TextEncoder().encode(textLine(entry));
  async write(lines: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    await this.gate;
    if (this.failing) throw new Error("disk full");
    this.lines.push(...lines.map((line) => decoder.decode(line)));
  }
  reopen(): void {}
  close(): void {}
}

Deno.test("a log that nobody takes is bounded: what is too much is dropped, counted, and told later", async () => {
  const sink = new SlowSink();
  const queue = new LogQueue(sink, new FakeClock());
  const { promise, resolve } = Promise.withResolvers<void>();
  sink.gate = promise;
  const text = "x".repeat(10_000);
  for (let i = 0; i < 1000; i++) queue.push(entry(`${i} ${text}`));
  const { lost } = queue;
  assert(lost > 800 && lost < 1000, `${lost} of 1000 lines of 10 KB were dropped`);
  resolve();
  await queue.flush(10_000);
  assertEquals(sink.lines.length, 1000 - lost + 1);
  assertStringIncludes(sink.lines.join(""), `${lost} log lines were dropped here`);
});

Deno.test("a log that cannot be written for a moment goes on afterwards and says what is missing", async () => {
  const sink = new SlowSink();
  const clock = new FakeClock();
  const troubles: string[] = [];
  const queue = new LogQueue(sink, clock, (reason) => troubles.push(reason));
  sink.failing = true;
  queue.push(entry("zeroth"));
  await clock.advance(1000);
  queue.push(entry("first"));
  await new Promise((resolve) => setTimeout(resolve));
  sink.failing = false;
  queue.push(entry("second"));
  await clock.advance(1000);
  await queue.flush(10_000);
  assertEquals(sink.lines.length, 2);
  assertStringIncludes(sink.lines[0] ?? "", "second");
  assertStringIncludes(sink.lines[1] ?? "", "2 log lines were dropped here");
  assertEquals(troubles, ["disk full"], "told once");
});
