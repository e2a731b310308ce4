import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import type { AuditEvent } from "../../model/event.ts";
import { EventLines } from "./event_lines.ts";
import { WebSession, type WebSessionFacts } from "./web_session.ts";

const EVENT: AuditEvent = { event: "user.login", time: "2030-01-01T00:00:00Z", user: "x".repeat(1000) };

function follow() {
  const clock = new FakeClock();
  const session = new WebSession({} as WebSessionFacts);
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const lines = new EventLines({ closed }, session, clock);
  return { clock, session, lines, close, reader: lines.body.getReader() };
}

async function textOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

Deno.test("events are lines, with a blank one every 15 seconds", async () => {
  const { clock, lines, reader, close } = follow();
  assertEquals(await textOf(reader), "\n");
  lines.show([EVENT, EVENT]);
  assertEquals((await textOf(reader)).trimEnd().split("\n").map((line) => JSON.parse(line)), [EVENT, EVENT]);
  await clock.advance(15_000);
  assertEquals(await textOf(reader), "\n");
  close();
  await lines.over;
  assertEquals((await reader.read()).done, true);
  assertEquals(clock.armed, 0);
});

Deno.test("who reads nothing is let go, and so is whose session has ended", async () => {
  const slow = follow();
  let shown = 0;
  for (let over = false; !over && shown < 10_000; shown++) {
    slow.lines.show([EVENT]);
    over = slow.clock.armed === 0;
  }
  assert(shown > 900 && shown < 1100, `${shown} events of a kilobyte`);
  await slow.lines.over;
  const left = follow();
  left.session.end("signed out");
  await left.lines.over;
  const gone = follow();
  await gone.reader.cancel();
  await gone.lines.over;
  assertEquals([left.clock.armed, gone.clock.armed], [0, 0]);
});
