/**
 * Web sessions between proxies and auth, without a network between them and with time in hand.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Caller } from "../../src/api/client.ts";
import { ClusterAccess } from "../../src/api/cluster_access.ts";
import { LiveAccess } from "../../src/api/live_access.ts";
import type { CallContext } from "../../src/api/serve.ts";
import { authHandlers } from "../../src/auth/handlers.ts";
import type { AuthService } from "../../src/auth/service.ts";
import { HOUR, MINUTE } from "../../src/base/duration.ts";
import { Secret } from "../../src/base/secret.ts";
import { NotSignedIn } from "../../src/proxy/web/not_signed_in.ts";
import {
  formatSessionCookie,
  parseSessionCookie,
  type SessionCookie,
} from "../../src/proxy/web/session_secret.ts";
import { WebSessions } from "../../src/proxy/web/web_sessions.ts";
import { formatPrivateKey } from "../../src/ssh/private_key.ts";
import { MemoryBackend } from "../../src/store/memory.ts";
import { codeAt, openAuth, PASSWORD, signUp } from "../kit/auth_fixture.ts";
import { FakeClock, settle } from "../kit/clock.ts";

type Call = (method: string, input: unknown) => Promise<unknown>;

/** A proxy. @param through sees every call on its way */
async function proxyOf(
  auth: AuthService,
  clock: FakeClock,
  options: { capacity?: number; through?: (call: Call) => Call } = {},
) {
  const handlers = authHandlers(auth) as unknown as Record<
    string,
    (input: unknown, context: CallContext) => Promise<unknown>
  >;
  const context = {
    identity: { kind: "host", role: "proxy", hostId: "", cluster: auth.authorities.cluster },
    address: "192.0.2.1",
    watch() {},
    follow() {},
  } as const;
  const plain: Call = (method, input) =>
    handlers[method]?.(input, context) ?? Promise.reject(new Error(method));
  const call = (options.through?.(plain) ?? plain) as Caller["call"];
  const api = { call, connected: true };
  const file = { read: () => Promise.resolve(undefined), write: () => Promise.resolve() };
  const access = await ClusterAccess.open({ api, file, clock, ttlMs: 0, warn() {} });
  const live = new LiveAccess(access, clock);
  const trust = () => ({
    cluster: auth.authorities.cluster,
    user: auth.authorities.trusted("user"),
    host: auth.authorities.trusted("host"),
  });
  const sessions = new WebSessions({
    api,
    trust,
    access,
    live,
    clock,
    warn() {},
    capacity: options.capacity,
  });
  return {
    sessions,
    find: (cookie: SessionCookie) => sessions.find(cookie, "192.0.2.7", () => {}),
    login: (secret: string, user = "joe") =>
      sessions.login({
        user,
        password: new Secret(PASSWORD),
        factor: new Secret(codeAt(secret, clock.now())),
        clientAddress: "192.0.2.7",
      }),
    stop() {
      sessions.stop();
      live.stop();
      access.close();
    },
  };
}

async function cluster() {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  const { auth } = await openAuth({ clock, backend });
  const secret = await signUp(auth, "joe");
  await clock.advance(30_000);
  return { auth, clock, backend, secret };
}

Deno.test("auth, its store and so its backups hold nothing that opens a web session", async () => {
  const { auth, clock, backend, secret } = await cluster();
  const told: string[] = [];
  const through = (call: Call): Call => async (method, input) => {
    const answer = await call(method, input);
    told.push(JSON.stringify([input, answer]));
    return answer;
  };
  const proxy = await proxyOf(auth, clock, { through });
  const { session, cookie } = await proxy.login(secret);
  const { key } = session.facts.credential as { key: Parameters<typeof formatPrivateKey>[0] };
  const material = formatPrivateKey(key).split("\n").slice(1, -2).filter((line) => line.length > 30);
  assert(material.length > 2);
  const seen = [...told, JSON.stringify(await backend.list(["web_session"]))].join("\n");
  const bytes = cookie.secret.reveal();
  for (
    const part of [...material, bytes.toString("hex"), bytes.toString("base64"), bytes.toString("base64url")]
  ) {
    assertEquals(seen.includes(part), false);
  }
  assertEquals((await backend.list(["web_session"])).length, 1);
  proxy.stop();
});

Deno.test("any proxy serves any cookie, also after its start", async () => {
  const { auth, clock, secret } = await cluster();
  const [first, second] = [await proxyOf(auth, clock), await proxyOf(auth, clock)];
  const { session, cookie } = await first.login(secret);
  const read = parseSessionCookie(formatSessionCookie(cookie));
  assert(read);
  const found = await second.find(read);
  assertEquals([found.user, found.id, found.facts.expires], ["joe", session.id, session.facts.expires]);
  assert(found.facts.identity.logins.includes("joe"));
  first.stop();
  assertEquals(session.isOver, true);
  assertEquals(found.isOver, false);
  await second.sessions.logout(found, "192.0.2.7");
  const third = await proxyOf(auth, clock);
  await assertRejects(() => third.find(read), NotSignedIn);
  second.stop();
  third.stop();
});

Deno.test("a web session ends twelve hours after the login, or when a role wants it", async () => {
  const { auth, clock, secret } = await cluster();
  const proxy = await proxyOf(auth, clock);
  const { session, cookie } = await proxy.login(secret);
  let ended = "";
  session.hold((reason) => ended = reason);
  await clock.advance(12 * HOUR - 1000);
  assertEquals([await proxy.find(cookie) === session, ended], [true, ""]);
  await clock.advance(1000);
  assertEquals(ended, "the session has expired");
  await assertRejects(() => proxy.find(cookie), NotSignedIn);

  const { BUILT_IN_ROLES, DEFAULT_OPTIONS } = await import("../../src/model/admin_role.ts");
  const admin = BUILT_IN_ROLES.get("admin");
  assert(admin);
  await auth.roles.put({
    ...admin,
    name: "short",
    options: { ...DEFAULT_OPTIONS, maxSessionTtl: 10 * MINUTE },
  }, "absent");
  await auth.users.change("joe", (user) => ({ ...user, roles: ["short"] }));
  const short = await proxy.login(secret);
  assertEquals(short.session.facts.expires, clock.now() - clock.now() % 1000 + 10 * MINUTE);
  proxy.stop();
});

Deno.test("news that come while a session is fetched are not missed", async () => {
  const { auth, clock, secret } = await cluster();
  const first = await proxyOf(auth, clock);
  const { cookie, session } = await first.login(secret);
  let meanwhile = async () => {};
  const through = (call: Call): Call => async (method, input) => {
    const answer = await call(method, input);
    if (method === "web_sessions.get") await meanwhile();
    return answer;
  };
  const second = await proxyOf(auth, clock, { through });
  meanwhile = async () => {
    await auth.webSessions.remove({ user: "joe", id: session.id });
    await second.sessions.check(); // the notice comes before the answer is taken in
  };
  await assertRejects(() => second.find(cookie), NotSignedIn);
  first.stop();
  second.stop();
});

Deno.test("a user who was locked is served by no proxy", async () => {
  const { auth, clock, secret } = await cluster();
  const proxy = await proxyOf(auth, clock);
  const { session, cookie } = await proxy.login(secret);
  await auth.users.change("joe", (user) => ({ ...user, lock: { message: "", since: clock.now() } }));
  await proxy.sessions.check();
  assertEquals(session.isOver, true);
  await assertRejects(() => proxy.find(cookie), NotSignedIn);
  proxy.stop();
});

Deno.test("a proxy that serves many makes room, but ends nothing that is in use", async () => {
  const { auth, clock, secret } = await cluster();
  const proxy = await proxyOf(auth, clock, { capacity: 2 });
  const logins = [];
  for (let i = 0; i < 3; i++) {
    logins.push(await proxy.login(secret));
    if (i === 0) logins[0]?.session.hold(() => {});
    await clock.advance(30_000);
  }
  const [first, second, third] = logins.map(({ session }) => session.isOver);
  assertEquals([first, second, third], [false, true, false]);
  const [, evicted] = logins;
  assert(evicted);
  assertEquals((await proxy.find(evicted.cookie)).user, "joe", "its cookie finds it again");
  await settle();
  assertEquals(proxy.sessions.size, 2);
  proxy.stop();
});
