import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { AppError } from "../base/errors.ts";
import { Recorder } from "./recorder.ts";
import { FakeDisk } from "./testing/fake_disk.ts";

const SID = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10";
const BYTES = `spool/${SID}.session.bytes`;
const LOG = `spool/${SID}.session.log`;
const encode = (text: string) => new TextEncoder().encode(text);

/** A recorder on a fresh disk, and the failures it reported. */
async function start(disk = new FakeDisk()) {
  const clock = new FakeClock();
  const failures: AppError[] = [];
  const onFailure = (error: AppError) => void failures.push(error);
  const recorder = await Recorder.open({ directory: "spool", sid: SID, files: disk, clock, onFailure });
  return { disk, clock, failures, recorder };
}

/** Makes writes wait until the returned function is called. */
function holdWrites(disk: FakeDisk): () => void {
  const gate = Promise.withResolvers<void>();
  disk.beforeWrite = () => gate.promise;
  return () => {
    disk.beforeWrite = () => {};
    gate.resolve();
  };
}

Deno.test("a session becomes two files", async () => {
  const { disk, clock, recorder } = await start();
  await recorder.event({ event: "session.start", sid: SID, size: "80:25" });
  await clock.advance(10);
  await recorder.print(encode("login: "));
  await clock.advance(250);
  await recorder.print(encode("joe\r\n"));
  await recorder.end({ sid: SID, user: "joe", server_id: undefined });
  assertEquals(disk.text(BYTES), "login: joe\r\n");
  assertEquals(
    disk.text(LOG),
    [
      `{"ei":0,"event":"session.start","sid":"${SID}","size":"80:25","time":"2026-01-15T12:00:00.000Z"}`,
      `{"time":"2026-01-15T12:00:00.010Z","event":"print","bytes":7,"ms":0,"offset":0,"ei":1,"ci":0}`,
      `{"time":"2026-01-15T12:00:00.260Z","event":"print","bytes":5,"ms":250,"offset":7,"ei":2,"ci":1}`,
      `{"ei":3,"event":"session.end","sid":"${SID}","time":"2026-01-15T12:00:00.260Z","user":"joe"}`,
      "",
    ].join("\n"),
  );
  await recorder.closed;
  assertEquals(disk.open, 0);
});

Deno.test("a session that was recorded is not recorded over", async () => {
  const { disk } = await start();
  const again = await assertRejects(() => start(disk), AppError, "exists");
  assertEquals(again.code, "unavailable");
});

Deno.test("a second file that cannot be made leaves no open file", async () => {
  const disk = new FakeDisk();
  disk.files.set(LOG, new Uint8Array());
  await assertRejects(() => start(disk), AppError, "cannot record");
  assertEquals(disk.open, 0);
});

Deno.test("what comes while a write runs is one write", async () => {
  const { disk, recorder } = await start();
  const release = holdWrites(disk);
  recorder.print(encode("a"));
  await settle();
  for (let count = 0; count < 1_000; count++) recorder.print(encode("b"));
  await settle();
  assertEquals(disk.writes, []);
  release();
  await recorder.flush();
  assertEquals(disk.writes.map(({ path, size }) => path === BYTES ? size : path), [1, LOG, 1_000, LOG]);
});

Deno.test("a chunk may be reused at once", async () => {
  const { disk, recorder } = await start();
  const chunk = encode("abc");
  recorder.print(chunk);
  chunk.fill(0x78);
  recorder.print(chunk);
  await recorder.flush();
  assertEquals(disk.text(BYTES), "abcxxx");
});

Deno.test("a full queue makes the session wait, and only then", async () => {
  const { disk, recorder } = await start();
  const release = holdWrites(disk);
  const chunk = new Uint8Array(4096);
  let fed = 0;
  let wait: Promise<void> | undefined;
  while (!wait) {
    wait = recorder.print(chunk);
    fed += chunk.length;
    if (fed === 128 * 1024) await settle();
  }
  assertLess(fed, 1024 * 1024);
  let resumed = false;
  wait.then(() => resumed = true);
  await settle();
  assertEquals(resumed, false);
  release();
  await wait;
  assertEquals(recorder.print(chunk), undefined);
  await recorder.flush();
  assertEquals(disk.files.get(BYTES)?.length, fed + chunk.length);
});

Deno.test("a session that does not wait is ended, not recorded in part", async () => {
  const { disk, failures, recorder } = await start();
  const release = holdWrites(disk);
  const chunk = new Uint8Array(256 * 1024);
  let refused: Promise<void> | undefined;
  for (let count = 0; count < 16; count++) refused = recorder.print(chunk);
  await assertRejects(async () => await refused, AppError, "without waiting");
  assertEquals(failures.length, 1);
  release();
  await recorder.closed;
});

Deno.test("a full disk fails the recorder once, at every point", async () => {
  const whole = await start();
  const session = async ({ recorder }: Awaited<ReturnType<typeof start>>) => {
    await recorder.event({ event: "session.start", sid: SID });
    await recorder.print(encode("one"));
    await recorder.flush();
    await recorder.print(encode("two"));
    await recorder.end({ sid: SID });
  };
  await session(whole);
  const needed = whole.recorder.written.bytes + whole.recorder.written.log;
  for (let space = 0; space < needed; space++) {
    const disk = new FakeDisk();
    disk.space = space;
    const started = await start(disk);
    await assertRejects(() => session(started), AppError, "no space left");
    const { failures, recorder } = started;
    assertEquals(failures.length, 1);
    assertEquals(recorder.failure, failures[0]);
    await assertRejects(async () => await recorder.print(encode("more")), AppError, "no space left");
    await assertRejects(async () => await recorder.event({ event: "resize" }), AppError, "no space left");
    await assertRejects(() => recorder.flush(), AppError, "no space left");
    await assertRejects(() => recorder.end({}), AppError, "no space left");
    assertEquals(failures.length, 1);
    await recorder.closed;
    assertEquals(disk.open, 0);
    assertLess(recorder.written.bytes + recorder.written.log, space + 1);
  }
});

Deno.test("who waits for room hears of the failure", async () => {
  const { disk, failures, recorder } = await start();
  const gate = Promise.withResolvers<void>();
  disk.beforeWrite = () => gate.promise;
  recorder.print(encode("x"));
  await settle();
  const wait = recorder.print(new Uint8Array(600 * 1024));
  assert(wait);
  gate.reject(new Error("input/output error"));
  await assertRejects(() => wait, AppError, "input/output error");
  assertEquals(failures.length, 1);
});

Deno.test("nothing is accepted after the end", async () => {
  const { disk, failures, recorder } = await start();
  const end = recorder.end({ sid: SID });
  const late = await assertRejects(async () => await recorder.print(encode("late")), AppError, "has ended");
  assertEquals(late.code, "closed");
  await end;
  await assertRejects(() => recorder.end({}), AppError, "has ended");
  assertEquals(failures, []);
  assertEquals(disk.text(BYTES), "");
});
