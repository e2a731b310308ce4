/**
 * `tctl events`: the audit log searched and followed.
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { callWeb } from "../../cli/tsh/web.ts";
import { AppError } from "../../src/base/errors.ts";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, programArgs, spawn } from "../kit/run.ts";

let cluster: Daemon;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  for (const name of ["ann", "bob", "cid"]) await cluster.tctlOk("users", "add", name);
});
Deno.test.afterAll(() => cluster.stop());

const lines = (text: string) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
const json = async (...args: string[]) => lines(await cluster.tctlOk("events", "--format=json", ...args));

Deno.test("tctl events searches by time, type, user and text, in both orders, within a limit", async () => {
  const users = async (...args: string[]) =>
    (await json("--type=user.invite", ...args)).map(({ user }) => user);
  assertEquals(await users(), ["ann", "bob", "cid"]);
  assertEquals(await users("--order=newest"), ["cid", "bob", "ann"]);
  assertEquals(await users("--order=newest", "--limit=1"), ["cid"]);
  assertEquals(await users("--order=oldest", "--limit=2"), ["ann", "bob"]);
  assertEquals(await users("--limit=2"), ["bob", "cid"]);
  assertEquals(await users("--user=bob"), ["bob"]);
  assertEquals(await users("--text=LOGINS-OF-NOBODY"), []);
  assertEquals(await users("--text=127.0.0.1"), ["ann", "bob", "cid"]);
  assertEquals(await users("--from=2020-01-01", "--to=2020-02-01T10:00:00Z"), []);
  assertEquals(await users("--to=1h"), []);
  assertEquals(await users("--from=1h"), ["ann", "bob", "cid"]);
  for (
    const wrong of ["--from=yesterday", "--limit=0", "--limit=many", "--order=random", "--to=2026-99-99"]
  ) {
    const { code, stderr } = await cluster.tctl("events", wrong);
    assertEquals(code, 1, wrong);
    assertMatch(stderr, /^error: .*(is not a time|is a number|Allowed choices)/, wrong);
  }
});

Deno.test("tctl events prints a table for people, JSON one event a line, and YAML", async () => {
  const text = await cluster.tctlOk("events", "--type=user.invite", "--limit=1");
  assertMatch(text, /^Time +Event +User +Address +Result +Details\n/);
  assertMatch(text, /^\d{4}-\S+ +user\.invite +cid +127\.0\.0\.1 +/m);
  const [event] = await json("--type=user.invite", "--limit=1");
  assertEquals(parse(await cluster.tctlOk("events", "--type=user.invite", "--limit=1", "--format=yaml")), [
    event,
  ]);
});

Deno.test("tctl events --follow shows events as they come, each once, and only those asked for", async () => {
  const args = ["events", "--follow", "--format=json", "--type=user.lock,user.unlock", "--user=dan"];
  await cluster.user("dan");
  await cluster.tctlOk("users", "lock", "dan");
  const process = spawn(
    Deno.execPath(),
    programArgs("tctl", ["-c", cluster.configFile, ...args]),
    { env: { HOME: cluster.directory } },
  );
  await process.stdin.close();
  let text = "";
  let errors = "";
  const reading = process.stdout.pipeThrough(new TextDecoderStream())
    .pipeTo(new WritableStream({ write: (chunk) => void (text += chunk) }));
  const readingErrors = process.stderr.pipeThrough(new TextDecoderStream())
    .pipeTo(new WritableStream({ write: (chunk) => void (errors += chunk) }));
  await eventually("the past", () => text.includes("user.lock") || undefined);
  await cluster.tctlOk("users", "unlock", "dan");
  await eventually("the present", () => text.includes("user.unlock") || undefined);
  await cluster.tctlOk("users", "add", "eve");
  await cluster.tctlOk("users", "lock", "dan", "--message=again");
  await eventually("the next", () => text.includes("again") || undefined);
  assertEquals(lines(text).map(({ event }) => event), ["user.lock", "user.unlock", "user.lock"]);
  assertEquals(errors, "");
  process.kill("SIGTERM");
  await Promise.all([reading, readingErrors, process.status]);
});

Deno.test("logins and sessions carry address and time, and sessions their id, the same from start to end", async () => {
  const gus = await cluster.user("gus", [LOGIN]);
  await gus.loginOk();
  await gus.tsh(["ssh", "-t", `${LOGIN}@alpha`, "true"]);
  const end = await cluster.event("session.end", ({ user }) => user === "gus");
  const login = await cluster.event("user.login", ({ user }) => user === "gus");
  const start = await cluster.event("session.start", ({ user }) => user === "gus");
  for (const event of [login, start]) {
    assertMatch(String(event["addr.remote"]), /^127\.0\.0\.1(?::\d+)?$/);
    assertMatch(String(event.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/);
  }
  assertMatch(String(start.sid), /^[0-9a-f-]{36}$/);
  assertEquals(end.sid, start.sid);
  const relayed = await cluster.event(
    "proxy.connect",
    ({ user, addr }) => user === "gus" && addr !== "auth of main",
  );
  assertEquals([relayed.success, relayed.addr], [true, "alpha:0"]);
});

Deno.test("who is refused on the way to a node is in the log with the reason", async () => {
  const hal = await cluster.user("hal", [LOGIN]);
  await hal.loginOk();
  assertEquals((await hal.tsh(["ssh", `${LOGIN}@no-such-node`, "true"])).code, 1);
  const event = await cluster.event(
    "proxy.connect",
    ({ user, success }) => user === "hal" && success === false,
  );
  assertEquals([event.success, event.addr, event.login], [false, "no-such-node:0", LOGIN]);
  assertMatch(String(event["addr.remote"]), /^127\.0\.0\.1:\d+$/);
  assertStringIncludes(String(event.error), "no-such-node");
});

Deno.test("a refused signup and a wrong invitation are in the log, with address and reason", async () => {
  const port = Number((await cluster.webAddress()).split(":")[1]);
  const path = `/webapi/users/invites/${"0".repeat(32)}`;
  await assertRejects(() => callWeb({ host: "127.0.0.1", port, insecure: true }, "GET", path), AppError);
  const event = await cluster.event("user.signup");
  assertEquals([event.success, event["addr.remote"]], [false, "127.0.0.1"]);
  assertStringIncludes(String(event.error), "invitation is not valid");
  assert(!JSON.stringify(event).includes("0".repeat(32)));
});
