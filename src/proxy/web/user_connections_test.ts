import { assert, assertEquals, assertRejects } from "@std/assert";
import { type AuthFixture, startAuth } from "../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { loginToAuth } from "../../api/connection.ts";
import { MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { SshClient } from "../../ssh/client.ts";
import { NotSignedIn } from "./not_signed_in.ts";
import { newSessionCookie, sessionKeys } from "./session_secret.ts";
import { UserConnections } from "./user_connections.ts";
import { WebSession, type WebSessionFacts } from "./web_session.ts";

const HERE = { address: "192.0.2.7", port: 1 };

/** Connections of users to a real auth server, made one for each session that is asked for. */
function connectionsTo(fixture: AuthFixture, capacity?: number) {
  const clock = new FakeClock();
  const opened: SshClient[] = [];
  const asked: string[] = [];
  let failure: Error | undefined;
  const connections = new UserConnections({
    clock,
    capacity,
    async connect({ user }, _client, site) {
      if (failure) throw failure;
      asked.push(site ?? "here");
      const ssh = await loginToAuth(await fixture.dial(), fixture.userLogin(user), fixture.clock);
      opened.push(ssh);
      return ssh;
    },
  });
  const sessionOf = async (name: string) => {
    await fixture.putUser(name);
    const facts = { identity: { name }, keys: sessionKeys(newSessionCookie(name)) } as WebSessionFacts;
    return new WebSession(facts);
  };
  const nameOf = async (session: WebSession, client = HERE) =>
    (await connections.caller(session, client).call("access.mine", {})).name;
  return { clock, connections, opened, asked, sessionOf, nameOf, fail: (error?: Error) => failure = error };
}

Deno.test("calls of a session share a connection, which goes a minute after the last of them", async () => {
  await using fixture = await startAuth();
  const { clock, connections, opened, sessionOf, nameOf } = connectionsTo(fixture);
  const [joe, ann] = [await sessionOf("joe"), await sessionOf("ann")];
  assertEquals(await Promise.all([nameOf(joe), nameOf(ann), nameOf(joe)]), ["joe", "ann", "joe"]);
  assertEquals(opened.length, 2);
  assertEquals(await nameOf(joe, { address: "198.51.100.7", port: 2 }), "joe");
  assertEquals(opened.length, 3, "from elsewhere it is another one, so that events show from where");
  await clock.advance(MINUTE - 1);
  assertEquals(await nameOf(joe), "joe");
  await clock.advance(1);
  assertEquals(connections.size, 1, "joe's is used");
  await clock.advance(MINUTE);
  await Promise.all(opened.map(({ closed }) => closed));
  assertEquals([connections.size, joe.isInUse], [0, false]);
  connections.stop();
});

Deno.test("each cluster has a connection of its own: none answers for another", async () => {
  await using fixture = await startAuth();
  const { connections, asked, sessionOf } = connectionsTo(fixture);
  const joe = await sessionOf("joe");
  for (const site of [undefined, "east", "west", "east", undefined]) {
    await connections.caller(joe, HERE, site).call("access.mine", {});
    await connections.withChannel({ session: joe, client: HERE, site }, (api) => api.call("access.mine", {}));
  }
  assertEquals(asked, ["here", "east", "west"]);
  connections.stop();
});

Deno.test("a connection ends with its session, and what is asked after that is refused", async () => {
  await using fixture = await startAuth();
  const { connections, opened, sessionOf, nameOf } = connectionsTo(fixture);
  const joe = await sessionOf("joe");
  await nameOf(joe);
  const { promise: open, resolve } = Promise.withResolvers<void>();
  const waiting = connections.withChannel({ session: joe, client: HERE }, async (channel) => {
    resolve();
    await channel.closed;
  });
  await open;
  joe.end("signed out");
  await opened[0]?.closed;
  await waiting;
  await assertRejects(() => nameOf(joe), NotSignedIn);
  assertEquals(connections.size, 0);
});

Deno.test("a connection that failed, or was lost, is replaced by the next call", async () => {
  await using fixture = await startAuth();
  const { connections, opened, sessionOf, nameOf, fail } = connectionsTo(fixture);
  const joe = await sessionOf("joe");
  fail(new AppError("unavailable", "no auth server"));
  await assertRejects(() => nameOf(joe), AppError, "no auth server");
  fail();
  assertEquals(await nameOf(joe), "joe");
  opened[0]?.close();
  await opened[0]?.closed;
  assertEquals([await nameOf(joe), opened.length], ["joe", 2]);
  connections.stop();
});

Deno.test("there is a bound: what is idle makes room, what is used does not", async () => {
  await using fixture = await startAuth();
  const { connections, opened, sessionOf, nameOf } = connectionsTo(fixture, 2);
  const [joe, ann, eve] = [await sessionOf("joe"), await sessionOf("ann"), await sessionOf("eve")];
  await nameOf(joe);
  await nameOf(ann);
  await nameOf(eve);
  await opened[0]?.closed;
  assertEquals(connections.size, 2);
  const { promise: hold, resolve: letGo } = Promise.withResolvers<void>();
  const busy = [ann, eve].map((session) => connections.withChannel({ session, client: HERE }, () => hold));
  const error = await assertRejects(() => nameOf(joe), AppError);
  assertEquals(error.code, "limit");
  letGo();
  await Promise.all(busy);
  assert(await nameOf(joe));
  connections.stop();
});
