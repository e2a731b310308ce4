// Other clusters in the web interface: their sessions, recordings and audit log, as users without the right would read them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { putResources } from "../kit/admin.ts";
import type { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { pair, startEast, startMain, trustFile } from "../kit/trusted_clusters.ts";
import { WebBrowser } from "../kit/web_browser.ts";
import { WebTerminalClient } from "../kit/web_terminal.ts";

const main = await startMain();
const east = await startEast();
await putResources(
  east,
  role("plain"),
  role("auditor", { resources: ["event"], verbs: ["list"] }),
  role("watch-eve", {
    resources: ["session"],
    verbs: ["list", "read"],
    where: 'contains(session.parties, "eve")',
  }),
);
await putResources(main, role("operators"));
await pair(main, east, mapTo("plain"));

Deno.test.afterAll(async () => {
  await Promise.all([main.stop(), east.stop()]);
});

function role(name: string, ...rules: Record<string, unknown>[]) {
  const allow = { logins: [LOGIN], node_labels: { "*": "*" }, rules };
  return { kind: "role", version: "v3", metadata: { name }, spec: { allow } };
}

function mapTo(role: string) {
  return { role_map: [{ remote: "admin", local: [role] }] };
}

async function remap(role: string): Promise<void> {
  await east.tctlOk("create", "-f", await trustFile(main, east, mapTo(role)));
}

async function browserOf(cluster: Daemon, name: string): Promise<WebBrowser> {
  return await WebBrowser.signedIn(cluster, await cluster.user(name, [LOGIN]));
}

const EAST = "/v1/webapi/sites/east";
/** What shows something of a session. */
const OF_SESSION = ["", "/events", "/stream", "/download?format=text", "/verdict"];

/** Somebody's terminal in east. */
async function open(browser: WebBrowser): Promise<{ terminal: WebTerminalClient; sid: string }> {
  const { items: [db1] } = (await browser.ask("GET", `${EAST}/nodes`)).json;
  const terminal = await WebTerminalClient.open(browser, db1.id, LOGIN, { path: `${EAST}/connect` });
  const { sid } = await terminal.notice("ready");
  terminal.type("echo for east''s eyes\r");
  await terminal.shows("for easts eyes");
  return { terminal, sid };
}

const guest = await browserOf(main, "joe");
/** Another joe: the names of users of one cluster mean nothing in the other. */
const local = await browserOf(east, "joe");
const eve = await browserOf(east, "eve");
const running = await open(local);
const over = await open(eve);
over.terminal.type("exit\r");
await over.terminal.closed();
await eventually("both to be listed", async () => {
  const live = (await local.call("sessions.list")).json.map(({ sid }: { sid: string }) => sid);
  const kept = (await eve.call("recordings.list")).json;
  return live.includes(running.sid) &&
    kept.some((one: { sid: string; complete: boolean }) => one.sid === over.sid && one.complete);
});

const ask = (path: string) => guest.ask("GET", `${EAST}${path}`);
const call = (method: string, input: unknown = {}) =>
  guest.ask("POST", `${EAST}/call/${method}`, { body: input });

Deno.test("a user without mapped rights sees nothing of another cluster's sessions, recordings and audit log", async () => {
  const mine = (await call("access.mine")).json;
  assertEquals([mine.name, mine.roles, mine.rights.event, mine.rights.session], [
    "main:joe",
    ["plain"],
    [],
    [],
  ]);
  assertEquals((await ask("/sessions")).json, { sessions: [] });
  assertEquals((await call("sessions.list")).json, []);
  assertEquals((await call("recordings.list")).json, []);
  for (const { sid } of [running, over]) {
    for (const what of OF_SESSION) {
      assertEquals((await ask(`/sessions/${sid}${what}`)).status, 404, what);
    }
    assertEquals((await call("sessions.end", { sid })).status, 404);
  }
  for (const path of ["/events", "/events/follow", "/events?type=session.start"]) {
    assertEquals((await ask(path)).status, 403, path);
  }
  assertEquals((await call("events.search")).status, 403);
  // Who knows a session's id can join it no more than look at it.
  for (const mode of ["peer", "observer"] as const) {
    const { server } = (await local.call("sessions.list")).json[0];
    const path = { path: `${EAST}/connect`, open: { sid: running.sid, mode } };
    const terminal = await WebTerminalClient.open(guest, server, LOGIN, path);
    await terminal.closed();
    assertMatch(terminal.shown, /no role allows main:joe to join/);
    assertEquals(terminal.shown.includes("easts eyes"), false);
  }
  await east.event("recording.read", ({ user, success }) => user === "main:joe" && success === false);
});

Deno.test("a user whose roles are mapped to none is refused everything there, with the reason", async () => {
  const user = await main.user("max", [LOGIN]);
  await main.tctlOk("users", "update", "max", "--set-roles=operators");
  const max = await WebBrowser.signedIn(main, user);
  const paths = ["/nodes", "/sessions", "/events", "/events/follow", `/sessions/${over.sid}/events`];
  for (const path of paths) {
    const { status, json } = await max.ask("GET", `${EAST}${path}`);
    assertEquals(status, 403, path);
    assertMatch(json.message, /no role of theirs is mapped/);
  }
  for (const method of ["access.mine", "sessions.list", "recordings.list", "events.search"]) {
    const answer = await max.ask("POST", `${EAST}/call/${method}`, { body: {} });
    assertEquals(answer.status, 403, method);
  }
  assertEquals((await max.ask("GET", "/v1/webapi/user/status")).status, 200, "the session at home goes on");
});

Deno.test("a user sees those recordings and sessions of another cluster that the mapped roles allow, and no other", async () => {
  await remap("watch-eve");
  await eventually(
    "eve's recording to be there",
    async () =>
      (await call("recordings.list")).json.map(({ sid }: { sid: string }) => sid).join() === over.sid,
  );
  const shown = await ask(`/sessions/${over.sid}/stream`);
  assertEquals([shown.status, shown.text.includes("for easts eyes")], [200, true]);
  assertEquals((await call("sessions.list")).json, []);
  for (const what of OF_SESSION) {
    assertEquals((await ask(`/sessions/${running.sid}${what}`)).status, 404, what);
  }
  assertEquals((await ask("/events")).status, 403);
  // A ticket for the one is none for the other, and none for the same path at home.
  const path = `${EAST}/sessions/${over.sid}/download?format=text`;
  const { ticket } = (await guest.ask("POST", "/v1/webapi/tickets", { body: { path } })).json;
  for (const other of [path.replace("east", "main"), path.replace(over.sid, running.sid)]) {
    const stolen = await guest.ask("GET", `${other}&ticket=${ticket}`, { withoutBearer: true });
    assertEquals(stolen.status, 401, other);
  }
});

Deno.test("who follows another cluster's audit log is cut when its roles are mapped to none any more", async () => {
  await remap("auditor");
  const log = await eventually("the log to be open", async () => {
    const answer = await guest.start("GET", `${EAST}/events/follow`);
    if (answer.statusCode === 200) return answer;
    answer.resume();
  });
  let text = "";
  let ended = false;
  log.on("data", (chunk) => text += chunk);
  log.on("close", () => ended = true);
  await east.tctlOk("tokens", "add", "--type=node");
  await eventually("an event", () => text.includes(`"event":"token.`) || text.includes(`"event":"resource.`));
  assertEquals((await ask("/events")).status, 200);
  await east.tctlOk(
    "create",
    "-f",
    await trustFile(main, east, { role_map: [{ remote: "nobody", local: ["plain"] }] }),
  );
  const before = text.length;
  await east.tctlOk("tokens", "add", "--type=node");
  await eventually("the end", () => ended);
  assertEquals(text.slice(before).includes("token."), false);
  assertEquals((await ask("/events")).status, 403);
  await remap("plain");
});

Deno.test("a cluster that is not known answers 404, whatever its name, and no other call is passed on", async () => {
  const names = [
    ...["nowhere", "EAST", "east.", "main:east", "__proto__", "constructor", "east%00", "east%2f"],
    ...["-current-x", "127.0.0.1", "a".repeat(4000)],
  ];
  for (const name of names) {
    const site = `/v1/webapi/sites/${name}`;
    for (const path of ["/sessions", "/events", "/events/follow", `/sessions/${over.sid}/stream`, "/nodes"]) {
      assertEquals((await guest.ask("GET", site + path)).status, 404, site + path);
    }
    const answer = await guest.ask("POST", `${site}/call/sessions.list`, { body: {} });
    assertEquals(answer.status, 404, name);
  }
  for (
    const method of [
      ...["users.list", "users.invite", "cluster.get", "resources.list", "resources.put", "tokens.create"],
      ...["account.password", "recordings.read", "events.follow", "servers.announce", "constructor", ""],
    ]
  ) {
    assertEquals((await call(method)).status, 404, method);
  }
  assert((await call("access.mine")).status === 200);
});
