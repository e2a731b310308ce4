import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { LogLines } from "./log_lines.ts";
import {
  READ_SIZE,
  readRecording,
  type RecordingFrame,
  type RecordingSource,
  summarizeRecording,
} from "./reader.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const encode = (text: string) => new TextEncoder().encode(text);

/** A recording in memory; `most` bounds what one read gives. */
function source(bytes: Uint8Array, log: Uint8Array, most = READ_SIZE): RecordingSource & { reads: number } {
  return {
    reads: 0,
    read(part, offset, length) {
      this.reads++;
      const file = part === "bytes" ? bytes : log;
      return Promise.resolve(file.slice(offset, offset + Math.min(length, most)));
    },
  };
}

/** A session of a few seconds with a resize. */
function session(): { bytes: Uint8Array; log: Uint8Array } {
  const lines = new LogLines();
  lines.event({ event: "session.start", size: "80:25", user: "alice" }, NOON);
  lines.print(new Uint8Array(4), NOON + 100);
  lines.print(new Uint8Array(4), NOON + 400);
  lines.event({ event: "resize", size: "90:30" }, NOON + 600);
  lines.event({ event: "resize", size: "0:nonsense" }, NOON + 650);
  lines.print(new Uint8Array(5), NOON + 1_100);
  lines.event({ event: "session.end" }, NOON + 3_000);
  return { bytes: encode("one two three"), log: encode(lines.take()) };
}

/** Frames as text, pieces of the same moment joined. */
function readable(frames: RecordingFrame[]): [number, string][] {
  const shown: [number, string][] = [];
  for (const frame of frames) {
    const text = "data" in frame
      ? new TextDecoder().decode(frame.data)
      : `[${frame.resize.columns}x${frame.resize.rows}]`;
    const last = shown.at(-1);
    if (last?.[0] === frame.ms && !last[1].startsWith("[") && !text.startsWith("[")) last[1] += text;
    else shown.push([frame.ms, text]);
  }
  return shown;
}

Deno.test("a recording comes back in order, with its timing and sizes", async () => {
  const { bytes, log } = session();
  const expected = [[0, "[80x25]"], [0, "one "], [300, "two "], [500, "[90x30]"], [1_000, "three"]];
  for (const most of [1, 7, 100, READ_SIZE]) {
    assertEquals(readable(await Array.fromAsync(readRecording(source(bytes, log, most)))), expected);
  }
});

Deno.test("a quick look tells duration and size without the output", async () => {
  const { bytes, log } = session();
  const file = source(bytes, log);
  assertEquals(await summarizeRecording(file), {
    duration: 1_000,
    bytes: 13,
    events: 7,
    size: { columns: 80, rows: 25 },
    complete: true,
  });
  const running = log.subarray(0, log.length - 10);
  assertEquals((await summarizeRecording(source(bytes, running))).complete, false);
});

Deno.test("a recording whose session still runs ends where it is", async () => {
  const { bytes, log } = session();
  for (let cut = 0; cut < log.length; cut++) {
    const frames = await Array.fromAsync(readRecording(source(bytes, log.slice(0, cut))));
    assert(frames.length <= 5);
  }
});

Deno.test("output that is missing is named", async () => {
  const { bytes, log } = session();
  for (let cut = 0; cut < bytes.length; cut++) {
    const read = Array.fromAsync(readRecording(source(bytes.slice(0, cut), log)));
    const error = await assertRejects(() => read, AppError, `ends at byte ${cut}, within print`);
    assertEquals(error.code, "bad_input");
  }
});

Deno.test("a log that does not fit together is named", async () => {
  const { bytes, log } = session();
  const shifted = new TextDecoder().decode(log).replace('"offset":4', '"offset":5');
  const read = Array.fromAsync(readRecording(source(bytes, encode(shifted))));
  await assertRejects(() => read, AppError, "line 3: its offset is 5 and should be 4");
});

Deno.test("a long recording is read in few large pieces", async () => {
  const lines = new LogLines();
  const bytes = new Uint8Array(4 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 4096) lines.print(new Uint8Array(4096), NOON + at / 4096);
  const file = source(bytes, encode(lines.take()));
  let total = 0;
  for await (const frame of readRecording(file)) {
    if ("data" in frame) total += frame.data.length;
  }
  assertEquals(total, bytes.length);
  assertLessOrEqual(file.reads, 20);
});

Deno.test("a read that fails is told when it matters", async () => {
  const { bytes, log } = session();
  const good = source(bytes, log);
  const failing: RecordingSource = {
    read: (part, offset, length) =>
      part === "bytes" && offset > 0
        ? Promise.reject(new AppError("closed", "gone"))
        : good.read(part, offset, length),
  };
  // All output is there before the failing read ahead, which nobody needs.
  assertEquals((await Array.fromAsync(readRecording(failing))).length, 5);
});
