import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { AppError } from "../base/errors.ts";
import { readRecording } from "./reader.ts";
import { Recorder } from "./recorder.ts";
import { repairRecording } from "./repair.ts";
import { FakeDisk } from "./testing/fake_disk.ts";

const SID = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10";
const BYTES = `spool/${SID}.session.bytes`;
const LOG = `spool/${SID}.session.log`;
const clock = new FakeClock();
const encode = (text: string) => new TextEncoder().encode(text);

/** A recording with its end, both files. */
async function recorded(): Promise<{ bytes: Uint8Array; log: Uint8Array }> {
  const files = new FakeDisk();
  const recorder = await Recorder.open({ directory: "spool", sid: SID, files, clock, onFailure: () => {} });
  await recorder.event({ event: "session.start", sid: SID, user: "alice", login: "root", size: "80:25" });
  for (const text of ["one ", "two ", "three"]) {
    await recorder.print(encode(text));
    await recorder.flush();
    await clock.advance(40);
  }
  await recorder.event({ event: "resize", size: "90:25" });
  await recorder.print(encode(" four"));
  await recorder.end({ sid: SID });
  return { bytes: files.files.get(BYTES) ?? new Uint8Array(), log: files.files.get(LOG) ?? new Uint8Array() };
}

function repair(files: FakeDisk) {
  const reason = "the host stopped";
  return repairRecording({ files, directory: "spool", sid: SID, reason, now: clock.now() });
}

/** What playback shows. */
async function shown(files: FakeDisk): Promise<string> {
  const source = {
    read: (part: "bytes" | "log", offset: number, length: number) =>
      files.read(part === "bytes" ? BYTES : LOG, offset, length),
  };
  let text = "";
  for await (const frame of readRecording(source)) {
    if ("data" in frame) text += new TextDecoder().decode(frame.data);
  }
  return text;
}

Deno.test("a complete recording stays as it is", async () => {
  const { bytes, log } = await recorded();
  const files = new FakeDisk();
  files.files.set(BYTES, bytes).set(LOG, log);
  const sizes = { bytes: bytes.length, log: log.length };
  assertEquals(await repair(files), { good: sizes, sizes });
  assertEquals(files.files.get(LOG), log);
});

Deno.test("wherever a crash cut the two files, all output that is left is shown and the end is told", async () => {
  const { bytes, log } = await recorded();
  for (let bytesCut = 0; bytesCut <= bytes.length; bytesCut++) {
    for (let logCut = 0; logCut <= log.length; logCut++) {
      const whole = bytesCut === bytes.length && logCut === log.length;
      const files = new FakeDisk();
      files.files.set(BYTES, bytes.slice(0, bytesCut)).set(LOG, log.slice(0, logCut));
      const { good, sizes } = await repair(files);
      assert(good.log <= logCut && good.bytes === bytesCut);
      assertEquals(sizes, { bytes: bytesCut, log: files.files.get(LOG)?.length ?? 0 });
      assertEquals(await shown(files), new TextDecoder().decode(bytes.slice(0, bytesCut)));
      const end = JSON.parse(files.text(LOG).trimEnd().split("\n").at(-1) ?? "");
      assertEquals([end.event, end.sid, end.interrupted], ["session.end", SID, whole ? undefined : true]);
      // A second crash right after changes nothing.
      assertEquals((await repair(files)).sizes, sizes);
    }
  }
});

Deno.test("the end tells who was there, what happened and how much is lost", async () => {
  const { bytes, log } = await recorded();
  const files = new FakeDisk();
  files.files.set(BYTES, bytes.slice(0, 6)).set(LOG, log);
  await repair(files);
  const [start, one, rest, end] = files.text(LOG).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([start.event, one.bytes, rest.offset, rest.bytes, rest.ms], ["session.start", 4, 4, 2, 0]);
  assertEquals(end, {
    ei: 3,
    error: "the host stopped",
    event: "session.end",
    interrupted: true,
    login: "root",
    lost_events: 5,
    sid: SID,
    time: new Date(clock.now()).toISOString(),
    user: "alice",
  });
});

Deno.test("a missing file is an empty one", async () => {
  const { bytes } = await recorded();
  const files = new FakeDisk();
  files.files.set(BYTES, bytes);
  await repair(files);
  assertEquals(await shown(files), new TextDecoder().decode(bytes));
  const none = new FakeDisk();
  await repair(none);
  assertEquals(none.text(LOG).match(/session\.end/g)?.length, 1);
});

Deno.test("a log that is damaged within is left alone", async () => {
  const { bytes, log } = await recorded();
  const damaged = log.slice();
  damaged[log.indexOf(0x0a) + 3] = 0;
  const files = new FakeDisk();
  files.files.set(BYTES, bytes).set(LOG, damaged);
  const error = await assertRejects(() => repair(files), AppError, "damaged at line 2");
  assertEquals(error.code, "bad_input");
  assertEquals(files.files.get(LOG), damaged);
});
