import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { ANNOUNCEMENT_TTL, type LiveSessionRecord } from "../model/live_session.ts";
import { LiveSessionDirectory } from "./live_sessions.ts";

const session = (sid: string, started = 0): LiveSessionRecord => ({
  sid,
  user: "joe",
  login: "root",
  started,
  columns: 80,
  rows: 24,
  parties: [],
});

const host = (server: string, run = "1") => ({ server, run });

function start() {
  const clock = new FakeClock();
  let told = 0;
  const directory = new LiveSessionDirectory(clock, () => void told++);
  return { clock, directory, told: () => told };
}

const sids = (directory: LiveSessionDirectory) =>
  directory.list().map(({ sid, server }) => `${server}/${sid}`);

Deno.test("sessions are listed, the newest first, until their node says otherwise or nothing for a while", async () => {
  const { clock, directory } = start();
  directory.announce(host("luna"), [session("a", 1), session("b", 3)]);
  directory.announce(host("sol"), [session("c", 2)]);
  assertEquals(sids(directory), ["luna/b", "sol/c", "luna/a"]);
  directory.announce(host("luna"), [session("a", 1)]);
  assertEquals(sids(directory), ["sol/c", "luna/a"]);
  await clock.advance(ANNOUNCEMENT_TTL - 1);
  directory.announce(host("luna"), [session("a", 1)]);
  await clock.advance(1);
  assertEquals(sids(directory), ["luna/a"]);
  directory.announce(host("luna"), []);
  assertEquals(sids(directory), []);
});

Deno.test("a node cannot take another one's sessions away by announcing their ids", () => {
  const { directory } = start();
  directory.announce(host("luna"), [session("a")]);
  directory.announce(host("sol"), [session("a")]);
  directory.announce(host("sol"), []);
  assertEquals(sids(directory), ["luna/a"]);
});

Deno.test("only the session's own node hears that it is to end, and it is over when that node says so", async () => {
  const { directory, told } = start();
  directory.announce(host("luna"), [session("a"), session("b")]);
  const ended = directory.end({ ...session("a"), server: "luna" }, "ann");
  assertEquals(told(), 1);
  assertEquals(directory.announce(host("sol"), []), []);
  assertEquals(directory.announce(host("luna"), [session("a"), session("b")]), [{ sid: "a", by: "ann" }]);
  assertEquals(directory.announce(host("luna"), [session("b")]), []);
  assertEquals(await ended, true);
});

Deno.test("a node that does not answer leaves the wish unfulfilled, and nothing behind", async () => {
  const { clock, directory } = start();
  directory.announce(host("luna"), [session("a")]);
  const ended = directory.end({ ...session("a"), server: "luna" }, "ann");
  await clock.advance(5_000);
  assertEquals(await ended, false);
  assertEquals(clock.armed, 0);
  assertEquals(directory.announce(host("luna"), [session("a")]), []);
});

Deno.test("two processes of one node, while a daemon is replaced, do not speak for each other", async () => {
  const { directory } = start();
  directory.announce(host("luna", "old"), [session("a", 1)]);
  directory.announce(host("luna", "new"), [session("b", 2)]);
  assertEquals(sids(directory), ["luna/b", "luna/a"]);
  const ended = directory.end({ ...session("a"), server: "luna" }, "ann");
  assertEquals(directory.announce(host("luna", "new"), [session("b", 2)]), []);
  assertEquals(directory.announce(host("luna", "old"), [session("a", 1)]).length, 1);
  directory.announce(host("luna", "old"), []);
  assertEquals(await ended, true);
  assertEquals(sids(directory), ["luna/b"]);
});
