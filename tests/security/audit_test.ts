/**
 * Whatever is refused leaves an event with who, from where and why.
 * @module
 */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { startAuth } from "../kit/auth_fixture.ts";
import { AppError } from "../../src/base/errors.ts";

const LIMITED = {
  kind: "role" as const,
  version: "v3" as const,
  metadata: { name: "limited" },
  spec: {
    allow: { logins: ["joe"], rules: [{ resources: ["user"], verbs: ["list"] }] },
  },
};

Deno.test("a refusal that a handler decides is an event: for users, tokens, authorities and resources", async () => {
  await using fixture = await startAuth();
  const { api: admin } = await fixture.connectHost("admin");
  await admin.call("resources.put", { document: LIMITED, mode: "create" });
  const { api } = await fixture.connectUser("joe", ["limited"]);
  await fixture.putUser("ann", ["limited"]);
  const calls: [() => Promise<unknown>, RegExp][] = [
    [() => api.call("users.remove", { name: "ann" }), /users\.remove/],
    [() => api.call("users.lock", { name: "ann" }), /users\.lock/],
    [() => api.call("tokens.create", { roles: ["node"] }), /tokens\.create/],
    [() => api.call("events.search", {}), /events\.search/],
    [() => api.call("events.follow", {}), /events\.follow/],
    [() => api.call("resources.remove", { kind: "role", name: "limited" }), /role/],
  ];
  for (const [index, [call, why]] of calls.entries()) {
    const error = await assertRejects(call, AppError);
    assertEquals(error.code, "access_denied");
    const events = await fixture.eventually("auth", index + 1);
    const event = events.at(-1);
    assertEquals([event?.success, event?.user, event?.["addr.remote"]], [false, "joe", "127.0.0.1"]);
    assertMatch(String(event?.error), why);
  }
  assertEquals((await fixture.events("auth")).length, calls.length, "one event for each refusal");
});

Deno.test("a refused signup, join, certificate and look at a recording are events", async () => {
  await using fixture = await startAuth({
    settings: { staticTokens: [{ token: "join-token-1", roles: ["node"] }] },
  });
  const { api: admin } = await fixture.connectHost("admin");
  const { api: proxy } = await fixture.connectHost("proxy");
  const { token } = await admin.call("users.invite", { name: "joe", logins: ["joe"] });
  const address = "192.0.2.9";
  await assertRejects(() => proxy.call("signup.get", { token: "0".repeat(32), address }), AppError);
  await assertRejects(
    () => proxy.call("signup.complete", { token, password: "long enough 1", otp: "0", address }),
    AppError,
  );
  const signups = await fixture.eventually("user.signup", 2);
  assertEquals(signups.map(({ user, success }) => [user, success]), [[undefined, false], ["joe", false]]);
  for (const event of signups) assertEquals(event["addr.remote"], address);

  const { api: joiner } = await fixture.connectJoiner("join-token-1");
  const hostId = crypto.randomUUID();
  await assertRejects(() =>
    joiner.call("hosts.join", {
      hostId,
      name: "luna",
      keys: [{ role: "proxy", publicKey: "ssh-ed25519 AAAA" }],
      publicNames: [],
    }), AppError);
  const [join] = await fixture.eventually("host.join");
  assertEquals([join?.success, join?.server_id, join?.name], [false, hostId, "luna"]);

  const sid = crypto.randomUUID();
  await fixture.files.append(
    `/log/sessions/default/${sid}.session.log`,
    `{"event":"session.start","user":"ann"}\n`,
  );
  const { api: user } = await fixture.connectUser("joe", []);
  const part = { sid, part: "log" as const, offset: 0, length: 10 };
  await assertRejects(() => user.call("recordings.read", part), AppError, "no recording");
  await admin.call("recordings.read", part);
  await admin.call("recordings.read", { ...part, offset: 10 });
  const readings = await fixture.eventually("recording.read", 2);
  assertEquals(readings.map(({ success }) => success), [false, true]);
  assertEquals(readings.map((event) => event.sid), [sid, sid]);
});

Deno.test("connections that never log in are events, counted together when they are many", async () => {
  await using fixture = await startAuth();
  for (let i = 0; i < 3; i++) {
    const socket = await fixture.dial();
    socket.on("error", () => {});
    socket.write(`SSH-2.0-Test\r\n${"x".repeat(64)}`);
  }
  const [event] = await fixture.eventually("client.refused");
  assertEquals([event?.success, event?.["addr.remote"], event?.count], [false, "127.0.0.1", 1]);
});

Deno.test("who follows the log sees what the own roles allow, and nothing once they are taken away", async () => {
  await using fixture = await startAuth();
  const { api: admin } = await fixture.connectHost("admin");
  const rules = [{ resources: ["event"], verbs: ["list"], where: 'equals(resource.user, "ann")' }];
  const auditor = { ...LIMITED, metadata: { name: "auditor" }, spec: { allow: { rules } } };
  await admin.call("resources.put", { document: auditor, mode: "create" });
  const { api } = await fixture.connectUser("joe", ["auditor"]);
  const seen: unknown[] = [];
  const { promise: first, resolve } = Promise.withResolvers<void>();
  await api.follow({}, (events) => {
    seen.push(...events.map(({ user }) => user));
    resolve();
  });
  await fixture.auth.audit.emit({ event: "exec", user: "bob" });
  await fixture.auth.audit.emit({ event: "exec", user: "ann" });
  await first;
  assertEquals(seen, ["ann"]);
  await fixture.putUser("joe", ["auditor"], { lock: { message: "", since: 0 } });
  await fixture.auth.audit.emit({ event: "exec", user: "ann" });
  await api.closed;
  assertEquals(seen, ["ann"]);
});
