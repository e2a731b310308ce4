// Several auth servers on one store, in one process: what one does, the others know.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { codeAt, openAuth, PASSWORD, secretOf, signUp } from "../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../tests/kit/clock.ts";
import { MemoryFiles } from "../../tests/kit/memory_files.ts";
import type { Collection } from "../api/contract.ts";
import { SECOND } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { Secret } from "../base/secret.ts";
import { HEARTBEAT } from "../model/limits.ts";
import { MemoryBackend } from "../store/memory.ts";
import type { AuthService, AuthSettings } from "./service.ts";

const IDS = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"] as const;
const NODE = "00000000-0000-4000-8000-000000000001";
const SID = "00000000-0000-4000-8000-0000000000ff";

/** Two auth servers on one store and one log directory. */
async function two(settings: Partial<AuthSettings>[] = []) {
  const clock = new FakeClock();
  const store = new MemoryBackend(clock);
  const files = new MemoryFiles(clock);
  const open = async (i: 0 | 1) =>
    (await openAuth({ clock, backend: store.beside(), files, settings: { hostId: IDS[i], ...settings[i] } }))
      .auth;
  const [one, other] = await whileTimePasses(clock, Promise.all([open(0), open(1)]));
  return {
    clock,
    files,
    one,
    other,
    async [Symbol.asyncDispose]() {
      await one.close();
      await other.close();
    },
  };
}

/** What waits for another one needs time. */
async function whileTimePasses<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let done = false;
  const finish = () => done = true;
  work.then(finish, finish);
  for (let i = 0; i < 1000 && !done; i++) await clock.advance(100);
  return await work;
}

/** What the hosts of an auth server are told from now on. */
function notices(auth: AuthService): Set<Collection> {
  const heard = new Set<Collection>();
  auth.changes.watch((collection) => void heard.add(collection));
  return heard;
}

const node = (clock: FakeClock, change = {}) => ({
  id: NODE,
  role: "node" as const,
  name: "luna",
  address: "192.0.2.1:3022",
  labels: {},
  version: "1",
  lastSeen: clock.now(),
  ...change,
});

const nodes = (auth: AuthService) => auth.presence.list("node").map(({ name }) => name);

Deno.test("two auth servers that start on an empty store at once make one certificate authority", async () => {
  await using cluster = await two();
  assertEquals(cluster.one.authorities.list(), cluster.other.authorities.list());
});

Deno.test("of two that start at once with different cluster names, one is refused", async () => {
  const clock = new FakeClock();
  const store = new MemoryBackend(clock);
  const outcomes = await whileTimePasses(
    clock,
    Promise.allSettled(
      ["a", "b"].map((clusterName) =>
        openAuth({ clock, backend: store.beside(), settings: { clusterName } })
      ),
    ),
  );
  const failed = outcomes.filter((outcome) => outcome.status === "rejected");
  assertEquals(failed.length, 1);
  assert(failed[0]?.reason instanceof AppError && failed[0].reason.code === "conflict");
  for (const outcome of outcomes) if (outcome.status === "fulfilled") await outcome.value.auth.close();
});

Deno.test("a user made at one auth server is known at the other, whose hosts are told", async () => {
  await using cluster = await two();
  const heard = notices(cluster.other);
  const before = (await cluster.other.snapshots.current()).version;
  await signUp(cluster.one, "joe");
  await cluster.clock.advance(SECOND);
  assert(heard.has("users"));
  assert((await cluster.other.snapshots.current()).version !== before);
  assertEquals((await cluster.other.users.get("joe"))?.name, "joe");
});

Deno.test("a node announced at one auth server is listed at the other, and stays while either hears of it", async () => {
  await using cluster = await two();
  const { clock, one, other } = cluster;
  const heard = notices(other);
  one.presence.announce(node(clock));
  await clock.advance(SECOND);
  assertEquals(nodes(other), ["luna"]);
  assert(heard.has("servers"));
  for (let i = 0; i < 4; i++) {
    await clock.advance(HEARTBEAT.interval);
    (i % 2 === 0 ? one : other).presence.announce(node(clock));
    await clock.advance(SECOND);
    assertEquals([nodes(one), nodes(other)], [["luna"], ["luna"]]);
  }
  await clock.advance(HEARTBEAT.ttl + 20 * SECOND);
  assertEquals([nodes(one), nodes(other)], [[], []]);
});

Deno.test("failed logins at both auth servers count together, and a code works once at all of them", async () => {
  await using cluster = await two();
  const { one, other, clock } = cluster;
  const secret = await signUp(one, "joe");
  await clock.advance(60 * SECOND);
  const attempt = (auth: AuthService, code: string) =>
    auth.login.check({
      user: "joe",
      password: new Secret(PASSWORD),
      factor: new Secret(code),
      address: "192.0.2.7",
    });
  const code = codeAt(secret, clock.now());
  const both = await Promise.allSettled([attempt(one, code), attempt(other, code)]);
  assertEquals(both.filter(({ status }) => status === "fulfilled").length, 1);
  for (let i = 0; i < 5; i++) {
    const wrong = attempt(i % 2 === 0 ? one : other, "000000");
    await assertRejects(() => wrong, AppError);
  }
  await clock.advance(60 * SECOND);
  for (const auth of [one, other]) {
    assert(await auth.lockout.lockedUntil("joe"));
    await assertRejects(() => attempt(auth, codeAt(secret, clock.now())), AppError);
  }
});

Deno.test("an invitation is used once, wherever", async () => {
  await using cluster = await two();
  const { one, other, clock } = cluster;
  const { token } = await one.signup.invite("ann", { roles: [], logins: ["ann"] }, 3_600_000, "test");
  const { otpUri } = await one.signup.describe(new Secret(token));
  const complete = (auth: AuthService) => {
    const code = codeAt(secretOf(otpUri ?? ""), clock.now());
    return auth.signup.complete(new Secret(token), new Secret(PASSWORD), new Secret(code));
  };
  const both = await Promise.allSettled([complete(one), complete(other)]);
  assertEquals(both.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("a rotation at one auth server goes on at all, one step at a time", async () => {
  await using cluster = await two();
  const { one, other, clock } = cluster;
  const by = { name: "admin", address: "192.0.2.7" };
  await one.rotator.rotate({ kinds: ["host"], mode: "auto", graceMs: 60_000 }, by);
  await clock.advance(SECOND);
  const phases = new Set<string>();
  for (let i = 0; i < 100; i++) {
    assertEquals(one.authorities.list(), other.authorities.list());
    phases.add(one.authorities.rotation("host")?.phase ?? "standby");
    await clock.advance(SECOND);
  }
  assertEquals(
    [...phases],
    ["init", "update_clients", "update_servers", "standby"].filter((name) => phases.has(name)),
  );
  assertEquals(one.authorities.rotation("host"), undefined);
  const steps = (await one.audit.search({ events: ["ca.rotate"] })).map(({ phase }) => phase);
  assertEquals(steps.length, new Set(steps).size, `a step was made twice: ${steps}`);
});

Deno.test("each writes its own log file, and both find and follow the events of both", async () => {
  await using cluster = await two();
  const { one, other, files, clock } = cluster;
  const followed: string[] = [];
  const following = one.audit.follow((events) => followed.push(...events.map(({ user }) => `${user}`)));
  await clock.advance(2 * SECOND);
  await one.audit.emit({ event: "user.login", user: "joe", success: true });
  await clock.advance(SECOND);
  await other.audit.emit({ event: "user.login", user: "ann", success: true });
  await clock.advance(SECOND);
  await one.audit.emit({ event: "user.login", user: "eve", success: true });
  await clock.advance(2 * SECOND);
  following.stop();
  const logs = files.paths.filter((path) => path.endsWith(".log"));
  assertEquals(logs.map((path) => path.split("/")[2]), [...IDS]);
  for (const auth of [one, other]) {
    const users = async (order?: "newest" | "oldest", limit?: number) =>
      (await auth.audit.search({ events: ["user.login"], order, limit })).map(({ user }) => user);
    assertEquals(await users(), ["joe", "ann", "eve"]);
    assertEquals(await users("newest", 2), ["eve", "ann"]);
    assertEquals(await users("oldest", 2), ["joe", "ann"]);
  }
  assertEquals(followed.sort(), ["ann", "eve", "joe"]);
});

Deno.test("a session announced at one auth server is seen and ended at the other", async () => {
  await using cluster = await two();
  const { one, other, clock } = cluster;
  const announcer = { server: NODE, run: "1" };
  const session = { sid: SID, user: "joe", login: "root", started: 1, columns: 80, rows: 24, parties: [] };
  assertEquals(one.liveSessions.announce(announcer, [session]), []);
  await clock.advance(SECOND);
  const [seen] = await other.liveSessions.list();
  assertEquals(seen, { ...session, server: NODE });
  assert(seen);
  const heard = notices(one);
  const ending = other.liveSessions.end(seen, "ann");
  await clock.advance(SECOND);
  assert(heard.has("sessions"), "the node is asked to tell of its sessions");
  assertEquals(one.liveSessions.announce(announcer, [session]), [{ sid: SID, by: "ann" }]);
  assertEquals(one.liveSessions.announce(announcer, []), []);
  await clock.advance(SECOND);
  assertEquals(await ending, true);
  assertEquals(await other.liveSessions.list(), []);
});

Deno.test("sessions of an auth server that died are forgotten, and nobody waits for ever for one of them to end", async () => {
  await using cluster = await two();
  const { one, other, clock } = cluster;
  const session = { sid: SID, user: "joe", login: "root", started: 1, columns: 80, rows: 24, parties: [] };
  one.liveSessions.announce({ server: NODE, run: "1" }, [session]);
  await clock.advance(SECOND);
  const [seen] = await other.liveSessions.list();
  assert(seen);
  const ending = other.liveSessions.end(seen, "ann");
  await clock.advance(10 * SECOND);
  assertEquals(await ending, false);
  await clock.advance(30 * SECOND);
  assertEquals(await other.liveSessions.list(), []);
});
