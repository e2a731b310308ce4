import { assertEquals } from "@std/assert";
import { LogLines } from "./log_lines.ts";
import { MAX_PRINT } from "./recording_format.ts";

const NOON = Date.UTC(2026, 10, 22, 12);

/** The lines as objects. */
function taken(lines: LogLines): Record<string, unknown>[] {
  return lines.take().split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

Deno.test("output of one millisecond is one print", () => {
  const lines = new LogLines();
  lines.event({ event: "session.start" }, NOON);
  lines.print(new Uint8Array(8), NOON + 3);
  lines.print(new Uint8Array(2), NOON + 3);
  lines.print(new Uint8Array(5), NOON + 10);
  const time = "2026-11-22T12:00:00";
  assertEquals(taken(lines), [
    { ei: 0, event: "session.start", time: `${time}.000Z` },
    { time: `${time}.003Z`, event: "print", bytes: 10, ms: 0, offset: 0, ei: 1, ci: 0 },
    { time: `${time}.010Z`, event: "print", bytes: 5, ms: 7, offset: 10, ei: 2, ci: 1 },
  ]);
});

Deno.test("an event parts the output around it", () => {
  const lines = new LogLines();
  lines.print(new Uint8Array(8), NOON);
  lines.event({ event: "resize", size: "90:25" }, NOON);
  lines.print(new Uint8Array(2), NOON);
  assertEquals(taken(lines).map(({ event, ei }) => [event, ei]), [["print", 0], ["resize", 1], ["print", 2]]);
});

Deno.test("a print has an upper bound", () => {
  const lines = new LogLines();
  lines.print(new Uint8Array(MAX_PRINT), NOON);
  lines.print(new Uint8Array(1), NOON);
  lines.print(new Uint8Array(2 * MAX_PRINT), NOON);
  assertEquals(taken(lines).map(({ bytes }) => bytes), [MAX_PRINT, 1, MAX_PRINT, MAX_PRINT]);
});

Deno.test("a clock that is set back does not turn the recording around", () => {
  const lines = new LogLines();
  lines.print(new Uint8Array(1), NOON);
  lines.print(new Uint8Array(1), NOON + 50);
  lines.print(new Uint8Array(1), NOON - 1_000);
  lines.print(new Uint8Array(1), NOON + 60);
  assertEquals(taken(lines).map(({ ms }) => ms), [0, 50, 50, 60]);
});

Deno.test("a log goes on where it stopped", () => {
  const lines = new LogLines({ ei: 7, ci: 4, offset: 100, ms: 900 });
  lines.print(new Uint8Array(1), NOON);
  lines.print(new Uint8Array(1), NOON + 5);
  assertEquals(taken(lines).map(({ ei, ci, offset, ms }) => [ei, ci, offset, ms]), [
    [7, 4, 100, 900],
    [8, 5, 101, 905],
  ]);
});
