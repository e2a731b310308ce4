import { Buffer } from "node:buffer";
import { assert, assertEquals, assertLessOrEqual, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { AppError } from "../base/errors.ts";
import type { Recorder } from "./recorder.ts";
import { Spool, type SpoolOptions } from "./spool.ts";
import { FakeAuth, turn } from "./testing/fake_auth.ts";
import { FakeDisk } from "./testing/fake_disk.ts";

const SID = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10";
const OTHER = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a11";
const encode = (text: string) => new TextEncoder().encode(text);

/** A host with a spool, and the auth server it ships to. */
async function host(given: Partial<SpoolOptions> & { disk?: FakeDisk; auth?: FakeAuth } = {}) {
  const { disk = new FakeDisk(), auth = new FakeAuth(), ...options } = given;
  const clock = new FakeClock();
  const warnings: string[] = [];
  const shipped: string[] = [];
  const spool = await Spool.open({
    directory: "spool",
    files: disk,
    clock,
    openUpload: auth.open,
    warn: (message) => warnings.push(message),
    onShipped: (sid) => shipped.push(sid),
    gatherMs: 0,
    random: () => 1,
    ...options,
  });
  return { disk, auth, clock, warnings, shipped, spool };
}

type Host = Awaited<ReturnType<typeof host>>;

/** Lets time pass until `done`. */
async function pass({ clock }: { clock: FakeClock }, done: () => boolean): Promise<void> {
  for (let turns = 0; !done(); turns++) {
    assert(turns < 5_000, "it never happened");
    await turn();
    await clock.advance(500);
  }
}

/** Lets time pass until all is shipped or set aside. */
async function settle(at: Host): Promise<void> {
  let settled = false;
  at.spool.settled().then(() => settled = true);
  await pass(at, () => settled);
}

const refuse = { onFailure: (error: AppError) => assertEquals(error, undefined) };

/** Records a small session; `step` runs after each piece. */
async function record(
  recorder: Recorder,
  step: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await recorder.event({ event: "session.start", sid: recorder.sid, user: "alice", size: "80:25" });
  for (const text of ["one ", "two ", "three"]) {
    await recorder.print(encode(text));
    await recorder.flush();
    await step();
  }
  await recorder.end({ sid: recorder.sid });
}

Deno.test("a session is shipped while it runs and then gone from the host", async () => {
  const at = await host();
  const recorder = await at.spool.begin(SID, refuse);
  await record(recorder, () => pass(at, () => at.auth.of(SID).bytes.length === recorder.written.bytes));
  assertEquals(at.auth.of(SID).ended, false);
  await settle(at);
  const { bytes, log, ended } = at.auth.of(SID);
  assertEquals([bytes.toString(), log.length, ended], ["one two three", recorder.written.log, true]);
  assertEquals([...at.disk.files.keys()], []);
  assertEquals([at.shipped, at.warnings, at.auth.uploads], [[SID], [], 1]);
  assertEquals(at.spool.size, 0);
  assertEquals(at.clock.armed, 0);
});

Deno.test("small pieces are gathered for one upload", async () => {
  const at = await host({ gatherMs: 200 });
  const recorder = await at.spool.begin(SID, refuse);
  for (let count = 0; count < 20; count++) {
    await recorder.print(encode("."));
    await recorder.flush();
    await at.clock.advance(10);
    await turn();
  }
  await recorder.end({});
  await settle(at);
  assertEquals(at.auth.of(SID).bytes.length, 20);
  assertLessOrEqual(at.auth.frames, 7);
});

Deno.test("an upload that breaks, at whatever frame, goes on where it stopped", async () => {
  let frames = 1;
  for (let first = 1; first <= frames; first++) {
    const at = await host();
    at.auth.breakAt = (count) => count === first || count === first + 2;
    const recorder = await at.spool.begin(SID, refuse);
    await record(recorder, () => pass(at, () => at.auth.of(SID).log.length === recorder.written.log));
    await settle(at);
    frames = at.auth.frames;
    const { bytes, log, ended } = at.auth.of(SID);
    assertEquals([bytes.toString(), log.length, ended], ["one two three", recorder.written.log, true]);
    assertEquals([at.shipped, at.warnings, at.disk.files.size], [[SID], [], 0]);
  }
  assert(frames > 6);
});

Deno.test("a session that grows while its files are looked at is shipped all the same", async () => {
  const at = await host();
  let look = () => Promise.resolve();
  const size = at.disk.size.bind(at.disk);
  at.disk.size = async (path) => {
    const info = await size(path);
    await look();
    return info;
  };
  const recorder = await at.spool.begin(SID, refuse);
  look = async () => {
    await recorder.print(encode("more "));
    await recorder.flush();
  };
  await pass(at, () => at.auth.running === 1);
  await recorder.end({});
  await settle(at);
  assertEquals([at.shipped, at.warnings], [[SID], []]);
});

Deno.test("a large session is cut into frames and survives breaks", async () => {
  const at = await host();
  at.auth.breakAt = (count) => count % 3 === 0;
  const recorder = await at.spool.begin(SID, refuse);
  const chunk = new Uint8Array(4096);
  for (let count = 0; count < 512; count++) await recorder.print(chunk.fill(count));
  await recorder.end({});
  await settle(at);
  const { bytes } = at.auth.of(SID);
  assertEquals(bytes.length, 512 * 4096);
  assert(Array.from({ length: 512 }, (_, at) => bytes[at * 4096 + 4095] === (at & 255)).every(Boolean));
});

Deno.test("an auth server that is away is tried again, with longer pauses", async () => {
  const at = await host();
  const times: number[] = [];
  at.auth.beforeOpen = () => {
    times.push(at.clock.now());
    if (times.length <= 8) throw new Error("nobody listens there");
  };
  const recorder = await at.spool.begin(SID, refuse);
  await record(recorder);
  await settle(at);
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assertEquals(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assertEquals(at.warnings.length, 1);
  assertStringIncludes(at.warnings.join(), "nobody listens there");
  assertEquals(at.shipped, [SID]);
});

Deno.test("a server that says nothing is given up and tried again", async () => {
  const at = await host();
  let silent = true;
  at.auth.beforeOpen = () => silent ? new Promise(() => {}) : undefined;
  const recorder = await at.spool.begin(SID, refuse);
  await record(recorder);
  await pass(at, () => at.auth.uploads === 2);
  silent = false;
  await settle(at);
  assertEquals(at.shipped, [SID]);
});

Deno.test("two sessions at once are shipped side by side", async () => {
  const at = await host();
  const [one, two] = await Promise.all([at.spool.begin(SID, refuse), at.spool.begin(OTHER, refuse)]);
  await pass(at, () => at.auth.running === 2);
  await Promise.all([record(one), record(two)]);
  await settle(at);
  assertEquals(at.shipped.sort(), [SID, OTHER]);
  assertEquals(at.auth.of(OTHER).bytes.toString(), "one two three");
});

Deno.test("a full spool refuses sessions until some are shipped", async () => {
  const disk = new FakeDisk();
  const away = await host({ disk, maxBytes: 500, openUpload: () => Promise.reject(new Error("away")) });
  await record(await away.spool.begin(SID, refuse));
  const error = await assertRejects(() => away.spool.begin(OTHER, refuse), AppError, "500 bytes wait");
  assertEquals(error.code, "limit");
  assert(!disk.files.has(`spool/${OTHER}.session.log`));
  await away.spool.close();
  const back = await host({ disk, maxBytes: 500 });
  await assertRejects(() => back.spool.begin(OTHER, refuse), AppError, "500 bytes wait");
  assertEquals(await back.spool.recover(), 1);
  await settle(back);
  assertEquals(back.shipped, [SID]);
  await record(await back.spool.begin(OTHER, refuse));
  await settle(back);
});

Deno.test("a session whose recorder fails is ended, and shipped with what there is", async () => {
  const at = await host();
  const failures: AppError[] = [];
  const recorder = await at.spool.begin(SID, { onFailure: (error) => failures.push(error) });
  await recorder.print(encode("seen "));
  await recorder.flush();
  await pass(at, () => at.auth.of(SID).log.length > 0);
  at.disk.space = 3;
  await assertRejects(
    async () => {
      await recorder.print(encode("unseen"));
      await recorder.flush();
    },
    AppError,
    "no space left",
  );
  assertEquals(failures.length, 1);
  await pass(at, () => at.auth.running === 0);
  at.disk.space = Number.POSITIVE_INFINITY;
  await settle(at);
  const { bytes, log } = at.auth.of(SID);
  assertEquals(bytes.toString(), "seen uns");
  const lines = log.toString().trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ event, offset }) => [event, offset]), [["print", 0], ["print", 5], [
    "session.end",
    undefined,
  ]]);
  assertStringIncludes(lines[2].error, "no space left on device");
  assertEquals([at.shipped, at.warnings], [[SID], []]);
});

Deno.test("a repair within a running upload may break off and go on", async () => {
  const at = await host();
  const recorder = await at.spool.begin(SID, { onFailure: () => {} });
  await recorder.print(encode("seen "));
  await recorder.flush();
  await pass(at, () => at.auth.of(SID).log.length > 0);
  at.auth.breakAt = (count) => count === 4;
  at.disk.beforeWrite = (path) => {
    if (!path.endsWith(".log")) return;
    at.disk.beforeWrite = () => {};
    throw new Error("input/output error");
  };
  await assertRejects(() => recorder.end({}), AppError, "input/output");
  await settle(at);
  assertEquals([at.shipped, at.warnings, at.auth.uploads], [[SID], [], 2]);
});

/** The files a host leaves that stops within a session. */
async function crashed(auth: FakeAuth, sid: string, disk: FakeDisk): Promise<void> {
  const at = await host({ disk, auth });
  const recorder = await at.spool.begin(sid, refuse);
  await recorder.event({ event: "session.start", sid, user: "alice" });
  await recorder.print(encode("half a "));
  await recorder.flush();
  await pass(at, () => auth.of(sid).log.length > 0);
  await recorder.print(encode("session"));
  await recorder.flush();
  await at.spool.close();
}

Deno.test("what a crash left is ended and shipped", async () => {
  const [disk, auth] = [new FakeDisk(), new FakeAuth()];
  await crashed(auth, SID, disk);
  await disk.appendBytes(`spool/${SID}.session.bytes`, encode("!"));
  await disk.appendBytes(`spool/${SID}.session.log`, encode(`{"time":"2026-01-`));
  const at = await host({ disk, auth });
  assertEquals(await at.spool.recover(), 1);
  await settle(at);
  assertEquals(auth.of(SID).bytes.toString(), "half a session!");
  const lines = auth.of(SID).log.toString().trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ event }) => event), ["session.start", "print", "print", "print", "session.end"]);
  assertEquals(lines[4].error, "the recording host stopped during the session");
  assertEquals([at.shipped, at.warnings, disk.files.size], [[SID], [], 0]);
});

Deno.test("a recovered upload that breaks at any frame goes on", async () => {
  for (let frame = 1; frame <= 4; frame++) {
    const [disk, auth] = [new FakeDisk(), new FakeAuth()];
    await crashed(auth, SID, disk);
    auth.frames = 0;
    auth.breakAt = (count) => count === frame;
    const at = await host({ disk, auth });
    await at.spool.recover();
    await settle(at);
    assertEquals([at.shipped, at.warnings], [[SID], []]);
    assertEquals(auth.of(SID).log.toString().match(/session\.end/g)?.length, 1);
  }
});

Deno.test("a recording the server has more of is set aside, and the rest goes on", async () => {
  const [disk, auth] = [new FakeDisk(), new FakeAuth()];
  await crashed(auth, SID, disk);
  await crashed(auth, OTHER, disk);
  auth.of(SID).bytes = Buffer.alloc(10_000);
  const at = await host({ disk, auth });
  assertEquals(await at.spool.recover(), 2);
  await settle(at);
  assertEquals(at.shipped, [OTHER]);
  assertEquals(at.warnings.length, 1);
  assertStringIncludes(at.warnings.join(), "the server has more");
  assertEquals([...disk.files.keys()].sort(), [
    `spool/${SID}.session.bytes.bad`,
    `spool/${SID}.session.log.bad`,
  ]);
  assert(at.spool.size > 0);
  assertEquals(await at.spool.recover(), 0);
});

Deno.test("lines a disk lost after they were shipped do not mix with the repair's", async () => {
  const [disk, auth] = [new FakeDisk(), new FakeAuth()];
  await crashed(auth, SID, disk);
  const log = `spool/${SID}.session.log`;
  await disk.truncate(log, auth.of(SID).log.length - 10);
  const at = await host({ disk, auth });
  await at.spool.recover();
  await settle(at);
  assertEquals([at.shipped, at.warnings.length, disk.files.has(`${log}.bad`)], [[], 1, true]);
});

Deno.test("a recording whose files vanish is given up with one warning", async () => {
  const at = await host();
  at.auth.breakAt = () => {
    at.disk.files.clear();
    return true;
  };
  await record(await at.spool.begin(SID, refuse));
  await settle(at);
  assertEquals([at.shipped, at.warnings.length], [[], 1]);
  assertStringIncludes(at.warnings.join(), "gone or shorter");
});

Deno.test("damaged and foreign files do not stop the rest", async () => {
  const [disk, auth] = [new FakeDisk(), new FakeAuth()];
  await crashed(auth, SID, disk);
  disk.files.set(`spool/${OTHER}.session.log`, encode("nonsense\n"));
  disk.files.set("spool/README", encode("not mine"));
  const at = await host({ disk, auth });
  assertEquals(await at.spool.recover(), 2);
  await settle(at);
  assertEquals([at.shipped, at.warnings.length], [[SID], 1]);
  assertStringIncludes(at.warnings.join(), "damaged at line 1");
  assert(disk.files.has("spool/README") && disk.files.has(`spool/${OTHER}.session.log.bad`));
});

Deno.test("a crash while a shipped recording was removed leaves nothing to ship", async () => {
  const [disk, auth] = [new FakeDisk(), new FakeAuth()];
  await crashed(auth, SID, disk);
  await disk.rename(`spool/${SID}.session.log`, `spool/${SID}.session.done`);
  const at = await host({ disk, auth });
  assertEquals(await at.spool.recover(), 0);
  assertEquals([disk.files.size, at.spool.size], [0, 0]);
});

Deno.test("few recoveries run at once, and none waits for one that fails", async () => {
  const disk = new FakeDisk();
  const sids = Array.from({ length: 12 }, (_, at) => SID.slice(0, -2) + String(at + 10));
  for (const sid of sids) disk.files.set(`spool/${sid}.session.bytes`, encode("left"));
  const auth = new FakeAuth();
  const failing = new Set(sids.slice(0, 5));
  auth.beforeOpen = (sid) => {
    if (failing.has(sid)) throw new Error("denied");
  };
  const at = await host({ disk, auth });
  assertEquals(await at.spool.recover(), 12);
  await pass(at, () => at.shipped.length === 7);
  assertLessOrEqual(auth.most, 4);
  failing.clear();
  await settle(at);
  assertEquals(at.shipped.length, 12);
});

Deno.test("running sessions are not recovered", async () => {
  const at = await host();
  const recorder = await at.spool.begin(SID, refuse);
  assertEquals(await at.spool.recover(), 0);
  await record(recorder);
  await settle(at);
});

Deno.test("a closed spool keeps what is not shipped and begins nothing", async () => {
  const at = await host({ openUpload: () => new Promise(() => {}) });
  await record(await at.spool.begin(SID, refuse));
  await at.spool.close();
  assertEquals([at.disk.files.size, at.clock.armed], [2, 0]);
  await assertRejects(() => at.spool.begin(OTHER, refuse), AppError, "is stopping");
  await assertRejects(() => at.spool.recover(), AppError, "is stopping");
});
