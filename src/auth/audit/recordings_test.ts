import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { AppError } from "../../base/errors.ts";
import { Recordings } from "./recordings.ts";

const HOST = crypto.randomUUID();
const OTHER = crypto.randomUUID();

function open() {
  const clock = new FakeClock();
  const files = new MemoryFiles(clock);
  return { clock, files, recordings: new Recordings("/log/sessions", files) };
}

const log = (...events: Record<string, string>[]) =>
  Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
const text = async (recordings: Recordings, sid: string, offset = 0, length = 1000) =>
  new TextDecoder().decode((await recordings.read(sid, "bytes", offset, length)).data);

Deno.test("a host appends to its own session, also after a restart of the auth server", async () => {
  const { files, recordings } = open();
  const sid = crypto.randomUUID();
  await recordings.claim(sid, HOST);
  await recordings.append(sid, "bytes", Buffer.from("hello "));
  const restarted = new Recordings("/log/sessions", files);
  await restarted.claim(sid, HOST);
  assertEquals(await restarted.size(sid, "bytes"), 6);
  await restarted.append(sid, "bytes", Buffer.from("world"));
  assertEquals(await text(restarted, sid), "hello world");
  assertEquals(files.paths, [
    `/log/sessions/default/${sid}.owner`,
    `/log/sessions/default/${sid}.session.bytes`,
  ]);
});

Deno.test("two auth servers on one directory that are sent a recording at once write it once", async () => {
  const { files, recordings } = open();
  const other = new Recordings("/log/sessions", files);
  const sid = crypto.randomUUID();
  await recordings.claim(sid, HOST);
  await recordings.append(sid, "bytes", Buffer.from("first "), 0);
  await other.claim(sid, HOST); // the host goes on there, from the size it is told
  await other.append(sid, "bytes", Buffer.from("second "), await other.size(sid, "bytes"));
  await recordings.append(sid, "bytes", Buffer.from("second "), 6); // what was still under way to the first
  await other.append(sid, "bytes", Buffer.from("third"), 13);
  assertEquals(await text(other, sid), "first second third");
});

Deno.test("a host cannot claim another host's session: not now, not after its end, not after a restart", async () => {
  const { files, recordings } = open();
  const sid = crypto.randomUUID();
  await recordings.claim(sid, HOST);
  await assertRejects(() => recordings.claim(sid, OTHER), AppError, "belongs to another host");
  await recordings.finish(sid);
  await assertRejects(() => recordings.claim(sid, OTHER), AppError, "belongs to another host");
  await assertRejects(
    () => new Recordings("/log/sessions", files).claim(sid, OTHER),
    AppError,
    "belongs to another host",
  );
});

Deno.test("of two hosts that claim a session at once one gets it", async () => {
  const { files, recordings } = open();
  const sid = crypto.randomUUID();
  const results = await Promise.allSettled([recordings.claim(sid, HOST), recordings.claim(sid, OTHER)]);
  assertEquals(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
  assertEquals(files.text(`/log/sessions/default/${sid}.owner`), HOST);
});

Deno.test("a session id that is no uuid reaches no file", async () => {
  const { files, recordings } = open();
  const bad = [
    "",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    `../${crypto.randomUUID()}`,
    `${crypto.randomUUID()}/x`,
    `${crypto.randomUUID()}\n`,
    `${crypto.randomUUID()}\u0000`,
    crypto.randomUUID().toUpperCase(),
  ];
  for (const sid of bad) {
    await assertRejects(() => recordings.claim(sid, HOST), AppError, "must be a uuid");
    await assertRejects(() => recordings.append(sid, "bytes", Buffer.from("x")), AppError, "must be a uuid");
    await assertRejects(() => recordings.read(sid, "log", 0, 10), AppError, "must be a uuid");
    await assertRejects(() => recordings.size(sid, "log"), AppError, "must be a uuid");
  }
  assertEquals(files.paths, []);
});

Deno.test("a recording is read in parts, and beyond its end there is nothing", async () => {
  const { recordings } = open();
  const sid = crypto.randomUUID();
  await recordings.append(sid, "bytes", Buffer.from("0123456789"));
  assertEquals(await text(recordings, sid, 0, 4), "0123");
  assertEquals(await text(recordings, sid, 8, 4), "89");
  assertEquals(await text(recordings, sid, 10, 4), "");
  assertEquals(await text(recordings, sid, 1e12, 4), "");
  await assertRejects(() => recordings.read(crypto.randomUUID(), "bytes", 0, 1), AppError, "no recording");
});

Deno.test("the list shows the newest first and which sessions have ended", async () => {
  const { clock, recordings } = open();
  const [running, ended] = [crypto.randomUUID(), crypto.randomUUID()];
  await recordings.append(ended, "bytes", Buffer.from("12345"));
  const start = { user: "joe", login: "root", server_id: HOST, time: "2026-01-02T03:04:05.678Z" };
  await recordings.append(
    ended,
    "log",
    log({ event: "session.start", ...start }, { event: "session.end", time: "2026-01-02T03:05:05.678Z" }),
  );
  await clock.advance(1000);
  await recordings.append(running, "log", log({ event: "session.start" }));
  assertEquals(await recordings.list(10), [
    {
      sid: running,
      bytes: 0,
      modified: clock.now(),
      complete: false,
      user: undefined,
      login: undefined,
      server_id: undefined,
      name: undefined,
      started: undefined,
      ended: undefined,
    },
    {
      sid: ended,
      bytes: 5,
      modified: clock.now() - 1000,
      complete: true,
      user: "joe",
      login: "root",
      server_id: HOST,
      name: undefined,
      started: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      ended: Date.UTC(2026, 0, 2, 3, 5, 5, 678),
    },
  ]);
  assertEquals((await recordings.list(1)).map(({ sid }) => sid), [running]);
  const visible = (sid: string) => Promise.resolve(sid === ended);
  assertEquals(
    (await recordings.list(1, visible)).map(({ sid }) => sid),
    [ended],
    "a limit counts what is seen",
  );
});

Deno.test("what was typed cannot make a session look ended", async () => {
  const { recordings } = open();
  const sid = crypto.randomUUID();
  await recordings.append(sid, "log", log({ event: "session.start", command: '"event":"session.end"' }));
  assertEquals((await recordings.list(10)).map(({ complete }) => complete), [false]);
});

Deno.test("the participants are those who started or joined, and nobody named inside another field", async () => {
  const { recordings } = open();
  const sid = crypto.randomUUID();
  await recordings.append(
    sid,
    "log",
    log(
      { command: '","user":"mallory","x":"', event: "session.start", user: "joe" },
      { event: "exec", user: "eve", command: '"event":"session.join"' },
      { event: "session.join", user: "ann" },
    ),
  );
  assertEquals([...await recordings.participants(sid)], ["joe", "ann"]);
});

Deno.test("who takes part is read again only when there is more to read, however often a list asks for it", async () => {
  const { files, recordings } = open();
  let bytes = 0;
  const read = files.read.bind(files);
  files.read = async (...where) => {
    const data = await read(...where);
    bytes += data.length;
    return data;
  };
  const sid = crypto.randomUUID();
  await recordings.append(sid, "log", log({ event: "session.start", user: "joe" }));
  assertEquals([...await recordings.participants(sid)], ["joe"]);
  const once = bytes;
  assertEquals([...await recordings.participants(sid)], ["joe"]);
  assertEquals(bytes, once);
  await recordings.append(sid, "log", log({ event: "session.join", user: "ann" }));
  assertEquals([...await recordings.participants(sid)], ["joe", "ann"]);
  const wide = { event: "print", padding: "x".repeat(300_000) };
  await recordings.append(sid, "log", log(wide));
  await recordings.participants(sid);
  const all = bytes;
  await recordings.append(sid, "log", log(wide));
  assertEquals([...await recordings.participants(sid)], ["joe", "ann"]);
  assertEquals(bytes, all, "no more of it than the beginning is ever read");
  await recordings.remove(sid);
  await assertRejects(() => recordings.participants(sid), AppError, "no recording");
});

Deno.test("a recording that is removed while a list is made is not in it, and the others are", async () => {
  const { recordings } = open();
  const [gone, kept] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const sid of [gone, kept]) {
    await recordings.append(sid, "log", log({ event: "session.start", user: "joe" }));
  }
  const listed = await recordings.list(10, async (sid) => {
    if (sid === gone) await recordings.remove(sid);
    return (await recordings.participants(sid)).has("joe");
  });
  assertEquals(listed.map(({ sid }) => sid), [kept]);
});
