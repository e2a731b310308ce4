import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import type { LiveSessionRecord } from "../../src/model/live_session.ts";
import { startAuth } from "../kit/auth_fixture.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { startTestNode } from "../kit/test_node.ts";

const RUN = crypto.randomUUID();
const session = (user: string, parties: string[]): LiveSessionRecord => ({
  sid: crypto.randomUUID(),
  user,
  login: "root",
  started: 1,
  columns: 80,
  rows: 24,
  parties: parties.map((user) => ({ user, mode: "peer", since: 1 })),
});

Deno.test("users see the sessions that are theirs or that a rule shows them, and others are told there is none", async () => {
  await using fixture = await startAuth();
  const hostId = crypto.randomUUID();
  const node = await fixture.connectHost("node", hostId);
  const joes = session("joe", ["joe"]);
  const shared = session("ann", ["ann", "joe"]);
  const anns = session("ann", ["ann"]);
  await node.api.call("sessions.announce", { run: RUN, sessions: [joes, shared, anns] });
  const seen = async (name: string, roles: string[]) => {
    const { api } = await fixture.connectUser(name, roles);
    return (await api.call("sessions.list", {})).map(({ sid }) => sid).sort();
  };
  assertEquals(await seen("joe", []), [joes.sid, shared.sid].sort());
  assertEquals(await seen("eve", []), []);
  assertEquals(await seen("eve", ["admin"]), [joes.sid, shared.sid, anns.sid].sort());
  const end = async (name: string, roles: string[], sid: string) => {
    const { api } = await fixture.connectUser(name, roles);
    return (await assertRejects(() => api.call("sessions.end", { sid }), AppError)).code;
  };
  assertEquals(await end("joe", [], anns.sid), "not_found");
  assertEquals(await end("joe", [], shared.sid), "access_denied", "a guest does not end it for its owner");
  assertEquals(await end("eve", ["admin"], joes.sid), "access_denied", "to see all is not to end all");
  assertEquals(await end("joe", [], crypto.randomUUID()), "not_found");
  const { api } = await fixture.connectUser("joe", []);
  const ending = api.call("sessions.end", { sid: joes.sid });
  const wanted = await eventually("the wish", async () => {
    const { end } = await node.api.call("sessions.announce", { run: RUN, sessions: [joes, shared, anns] });
    return end.length > 0 ? end : undefined;
  });
  assertEquals(wanted, [{ sid: joes.sid, by: "joe" }]);
  await node.api.call("sessions.announce", { run: RUN, sessions: [shared, anns] });
  assertEquals(await ending, { ended: true });
  const [event] = await fixture.events("session.terminate");
  assertEquals([event?.user, event?.sid, event?.server_id, event?.success], ["joe", joes.sid, hostId, true]);
});

Deno.test("what a node announces is checked at the edge", async () => {
  await using fixture = await startAuth();
  const { api } = await fixture.connectHost("node");
  const good = session("joe", ["joe"]);
  const bad = [
    { ...good, sid: "../../x" },
    { ...good, user: "joe\x1b[2J" },
    { ...good, login: "a,b" },
    { ...good, columns: 0 },
    { ...good, parties: new Array(33).fill({ user: "joe", mode: "peer", since: 1 }) },
    { ...good, parties: [{ user: "joe", mode: "owner" as "peer", since: 1 }] },
  ];
  for (const sessions of bad) {
    const error = await assertRejects(
      () => api.call("sessions.announce", { run: RUN, sessions: [sessions] }),
      AppError,
    );
    assertEquals(error.code, "bad_input");
  }
});

const pty = { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map<number, number>() };

Deno.test("who is bound to a command cannot join a session, and nobody chooses the id of a new one", async () => {
  const sid = crypto.randomUUID();
  const env = { TELEPORT_SESSION: sid };
  const said = async (forceCommand: string | undefined) => {
    await using node = await startTestNode({ forceCommand });
    const client = await node.client(LOGIN);
    const session = await client.shell({ pty, env });
    let text = "";
    session.stream.on("data", (data) => text += data);
    session.stderr.on("data", (data) => text += data);
    await session.exit;
    client.close();
    return { text, events: node.events };
  };
  const bound = await said("echo only-this");
  assertStringIncludes(bound.text, "only-this");
  assertEquals(bound.events.some(({ event }) => event === "session.join"), false);
  const free = await said(undefined);
  assertStringIncludes(free.text, `session ${sid} does not run here`);
  assertEquals(free.events.map(({ event, success }) => [event, success]), [["session.join", false]]);
  assert(!free.events.some(({ event }) => event === "session.start"));
});
