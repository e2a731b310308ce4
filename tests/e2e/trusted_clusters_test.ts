// A cluster that trusts another one: pairing, the way of users through the tunnel, and how it ends.
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";
import {
  CLUSTER_TOKEN,
  pair,
  remoteStatus,
  seenStatus,
  startEast,
  startMain,
  trustFile,
  untilStatus,
} from "../kit/trusted_clusters.ts";
import type { User } from "../kit/user.ts";
import { WebBrowser } from "../kit/web_browser.ts";
import { WebTerminalClient } from "../kit/web_terminal.ts";

const main = await startMain();
const east = await startEast();
let joe: User;
let browser: WebBrowser;

Deno.test.afterAll(async () => {
  await Promise.all([main.stop(), east.stop()]);
});

/** Stock programs with the configuration that tsh has written. */
const stock = (program: string, args: string[], stdin?: string) =>
  run(program, [
    ...["-F", `${joe.options.home}/.ssh/config`, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
    ...args,
  ], { env: { HOME: joe.options.home, USER: "joe" }, stdin, timeoutMs: 60_000 });

Deno.test("pairing says what is wrong: the token, the name, the address, the roles", async () => {
  const refused = async (wish: Parameters<typeof trustFile>[2]) => {
    const { code, stderr } = await east.tctl("create", await trustFile(main, east, wish));
    assertNotEquals(code, 0);
    assertEquals((await east.tctl("get", "tc/main")).code, 1, "nothing was kept");
    return stderr;
  };
  assertStringIncludes(await refused({ token: "not-the-token" }), "the cluster token has been rejected");
  assertStringIncludes(await refused({ name: "elsewhere" }), 'is called "main"');
  assertStringIncludes(await refused({ name: "east" }), 'this cluster is called "east"');
  assertStringIncludes(await refused({ web_proxy_addr: "127.0.0.1:9" }), "nobody listens there");
  const { auth } = await main.addresses();
  assertMatch(
    await refused({ web_proxy_addr: `127.0.0.1:${auth?.port}` }),
    /cannot be reached|is it the web/,
  );
  assertStringIncludes(
    await refused({ role_map: [{ remote: "admin", local: ["nobody-has-it"] }] }),
    'role "nobody-has-it" does not exist in this cluster',
  );
  assertStringIncludes(await refused({ token: undefined }), "has no spec.token");
  const event = await main.event("cluster.join", ({ success }) => success === false);
  assertMatch(String(event.error), /rejected/);
  assertEquals(await remoteStatus(main, "east"), undefined);
});

Deno.test("a disabled trust opens no tunnel; switched on, the cluster is online within seconds", async () => {
  await east.tctlOk("create", await trustFile(main, east, { enabled: false }));
  assertEquals(await remoteStatus(main, "east"), undefined);
  await pair(main, east);
  const [got] = JSON.parse(await main.tctlOk("get", "rc", "--format=json"));
  assertEquals([got.kind, got.metadata.name, got.status.connection], ["remote_cluster", "east", "online"]);
  assertMatch(got.status.last_heartbeat, /^\d{4}-\d\d-\d\dT/);
  assertMatch(await main.tctlOk("get", "remote_clusters", "--format=text"), /Name +Status +Last Heartbeat/);
  assertMatch(await east.tctlOk("get", "tunnels", "--format=text"), /main +127\.0\.0\.1:\d+/);
  const trust = await east.tctlOk("get", "tc", "--format=text");
  assertMatch(trust, /Name +Enabled +Token +Proxy Address +Reverse Tunnel Address +Role Map/);
  assertMatch(trust, /main +true +\(secret\)/);
  assert((await main.event("cluster.join", ({ success }) => success === true)).cluster === "east");
  await main.event("tunnel.open", ({ cluster }) => cluster === "east");
});

Deno.test("one login reaches the nodes of a cluster that trusts this one", async () => {
  joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  const clusters = await joe.tsh(["clusters"]);
  assertMatch(clusters.stdout, /Cluster Name +Status *\n-+ +-+ *\nmain +online *\neast +online/);
  const list = await joe.tsh(["--cluster=east", "ls"]);
  assertEquals(list.stderr, "");
  assertMatch(list.stdout, /db1 +[0-9a-f-]{36}/);
  const full = await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1.east`, "echo by its full name"]);
  assertEquals(full.stdout, "by its full name\n");
  const ran = await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "echo over the tunnel; exit 5"]);
  assertEquals([ran.stderr, ran.stdout, ran.code], ["", "over the tunnel\n", 5]);
  assertStringIncludes((await joe.tsh(["ssh", `${LOGIN}@alpha`, "echo at home"])).stdout, "at home");
  assertStringIncludes(
    (await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@nobody`, "true"])).stderr,
    "nobody",
  );
  assertStringIncludes((await joe.tsh(["--cluster=nowhere", "ls"])).stderr, 'cluster "nowhere" is not known');
  // Both clusters have it in their logs, east under a name that none of its own users can have.
  await main.event("proxy.connect", ({ user, addr }) => user === "joe" && String(addr).endsWith("@east"));
  await east.event("auth", ({ user, success }) => user === "main:joe" && success === true);
  const exec = await east.event("exec", ({ user, exitCode }) => user === "main:joe" && exitCode === 5);
  assertEquals(exec.exitCode, 5);
});

Deno.test("sessions in the other cluster are recorded there, and played by whoever was in them", async () => {
  const shell = await joe.tsh(["--cluster=east", "ssh", "-t", `${LOGIN}@db1`, "echo kept in the east"]);
  assertEquals(shell.code, 0);
  const { sid } = await east.event("session.end", ({ user }) => user === "main:joe");
  const played = await joe.tsh(["--cluster=east", "play", "--raw", String(sid)]);
  assertStringIncludes(played.stdout, "kept in the east");
  assertEquals((await joe.tsh(["play", "--raw", String(sid)])).code, 1, "main has no such recording");
});

Deno.test("tsh scp copies both ways through the tunnel", async () => {
  const file = `${joe.options.home}/many`;
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(file, bytes);
  const there = `${east.directory}/arrived`;
  const up = await joe.tsh(["--cluster=east", "scp", file, `${LOGIN}@db1:${there}`]);
  assertEquals([up.stderr, up.code], ["", 0]);
  const down = await joe.tsh(["--cluster=east", "scp", `${LOGIN}@db1:${there}`, `${file}.back`]);
  assertEquals([down.stderr, down.code], ["", 0]);
  assertEquals(await Deno.readFile(`${file}.back`), bytes);
});

Deno.test("stock ssh, scp and sftp reach the other cluster's nodes, with its hosts checked", async () => {
  assertEquals((await joe.tsh(["config", "--write"])).code, 0);
  const target = `${LOGIN}@db1.east`;
  const ran = await stock("ssh", [target, "echo stock"]);
  assertEquals([ran.stderr, ran.stdout], ["", "stock\n"]);
  assertEquals((await stock("ssh", [`${LOGIN}@alpha.main`, "echo home"])).stdout, "home\n");
  const [from, to] = [`${east.directory}/stock`, `${joe.options.home}/stock`];
  await Deno.writeTextFile(from, "by scp");
  assertEquals((await stock("scp", ["-q", `${target}:${from}`, to])).stderr, "");
  assertEquals(await Deno.readTextFile(to), "by scp");
  const batch = await stock("sftp", ["-q", "-b", "-", target], `put ${to} ${from}.again\n`);
  assertEquals(batch.code, 0, batch.stderr);
  assertEquals(await Deno.readTextFile(`${from}.again`), "by scp");
  // Without main's block, the manual's own form.
  const proxy =
    `ssh -F ${joe.options.home}/.ssh/plain -p ${joe.options.sshPort} %r@127.0.0.1 -s proxy:%h:%p@east`;
  const known = `${joe.options.home}/.tsh/known_hosts`;
  await Deno.writeTextFile(
    `${joe.options.home}/.ssh/plain`,
    `Host *\n IdentityFile ${joe.keyFile}\n IdentitiesOnly yes\n UserKnownHostsFile ${known}\n`,
  );
  const plain = [
    "-F",
    `${joe.options.home}/.ssh/plain`,
    "-o",
    "BatchMode=yes",
    "-o",
    `ProxyCommand=${proxy}`,
  ];
  const manual = await run("ssh", [...plain, target, "echo as the manual has it"]);
  assertEquals([manual.stderr, manual.stdout], ["", "as the manual has it\n"]);
  // What vouches for the one cluster's hosts does not for the other's.
  const crossed = await run("ssh", [
    ...plain.slice(0, 4),
    "-o",
    `ProxyCommand=${proxy.replace("%h", "db1")}`,
    "-o",
    "StrictHostKeyChecking=yes",
    `${LOGIN}@db1.main`,
    "true",
  ]);
  assertNotEquals(crossed.code, 0);
});

Deno.test("tsh login with a cluster's name makes it the one that commands are about", async () => {
  const switched = await joe.tsh(["login", "east"]);
  assertMatch(switched.stdout, /Cluster: +east/);
  assertMatch((await joe.tsh(["ls"])).stdout, /db1/);
  assertEquals((await joe.tsh(["ssh", `${LOGIN}@db1`, "echo here"])).stdout, "here\n");
  assertMatch((await joe.tsh(["--cluster=main", "ls"])).stdout, /alpha/);
  assertMatch((await joe.tsh(["login", "main"])).stdout, /Cluster: +main/);
  assertMatch((await joe.tsh(["ls"])).stdout, /alpha/);
});

Deno.test("the web interface lists the clusters, and opens terminals and files in them", async () => {
  browser = await WebBrowser.signedIn(main, joe);
  const sites = (await browser.ask("GET", "/v1/webapi/sites")).json as { name: string; status: string }[];
  assertEquals(sites.map(({ name, status }) => [name, status]), [["main", "online"], ["east", "online"]]);
  type Nodes = { items: { id: string; hostname: string; logins: string[] }[] };
  const { items: [db1] } = (await browser.ask("GET", "/v1/webapi/sites/east/nodes")).json as Nodes;
  assertEquals([db1?.hostname, db1?.logins], ["db1", [LOGIN]]);
  const own = (await browser.ask("GET", "/v1/webapi/sites/main/nodes")).json as Nodes;
  assertEquals(own.items.map(({ hostname }) => hostname), ["alpha"]);
  assertEquals((await browser.ask("GET", "/v1/webapi/sites/nowhere/nodes")).status, 404);
  const path = "/v1/webapi/sites/east/connect";
  const terminal = await WebTerminalClient.open(browser, db1?.id ?? "", LOGIN, { path });
  await terminal.notice("ready");
  terminal.type("echo from the''web\n");
  await terminal.shows("from theweb");
  await terminal.close();
  await Deno.writeTextFile(`${east.directory}/page`, "a file in the east");
  const file = `/v1/webapi/sites/east/nodes/${db1?.id}/${LOGIN}/files?path=${east.directory}/page`;
  assertEquals((await browser.ask("GET", file)).text, "a file in the east");
  await east.event("session.start", ({ user }) => user === "main:joe");
});

Deno.test("the web interface shows what goes on in the other cluster: sessions to join and end, recordings, the audit log", async () => {
  const site = "/v1/webapi/sites/east";
  const ask = (path: string) => browser.ask("GET", `${site}${path}`);
  const call = async (method: string, input: unknown = {}) =>
    (await browser.ask("POST", `${site}/call/${method}`, { body: input })).json;
  const mine = await call("access.mine");
  assertEquals([mine.name, mine.roles], ["main:joe", ["admin"]]);
  assertEquals(mine.rights.event.includes("list"), true);

  const { items: [db1] } = (await ask("/nodes")).json;
  const open = { path: `${site}/connect` };
  const first = await WebTerminalClient.open(browser, db1.id, LOGIN, open);
  const { sid, site: recorder } = await first.notice("ready");
  assertEquals(recorder, "east", "where the session is listed");
  const running = await eventually(
    "the session to be listed",
    async () => (await call("sessions.list")).find((one: { sid: string }) => one.sid === sid),
  );
  assertEquals([running.user, running.node, running.login], ["main:joe", "db1", LOGIN]);
  assertEquals((await ask(`/sessions/${sid}`)).json.sid, sid);
  const second = await WebTerminalClient.open(browser, running.server, LOGIN, { ...open, open: { sid } });
  await second.notice("ready", (notice) => notice.sid === sid);
  second.type("echo both''of us\n");
  await first.shows("bothof us");

  const log = await browser.start("GET", `${site}/events/follow?type=session.terminate`);
  assertEquals(log.statusCode, 200);
  let followed = "";
  log.on("data", (chunk) => followed += chunk);
  assertEquals(await call("sessions.end", { sid }), { ended: true });
  await Promise.all([first.closed(), second.closed()]);
  await eventually("the log to tell it", () => followed.includes(`"event":"session.terminate"`) || undefined);
  log.destroy();
  const [end] = (await ask(`/events?type=session.terminate&search=${sid}`)).json.events;
  assertEquals([end.user, end.success], ["main:joe", true]);
  assertEquals((await call("events.search", { events: ["session.start"], text: sid })).length, 1);

  await eventually(
    "the recording to be complete",
    async () =>
      (await call("recordings.list")).find((one: { sid: string; complete: boolean }) =>
        one.sid === sid && one.complete
      ),
  );
  assertEquals((await ask(`/sessions/${sid}/events`)).json.events[0].user, "main:joe");
  assertStringIncludes((await ask(`/sessions/${sid}/stream`)).text, "bothof us");
  const verdict = (await ask(`/sessions/${sid}/verdict`)).json;
  assertEquals(verdict.sound, true, verdict.text);
  const path = `${site}/sessions/${sid}/download?format=text`;
  const { ticket } = (await browser.ask("POST", "/v1/webapi/tickets", { body: { path } })).json;
  assertStringIncludes(
    (await browser.ask("GET", `${path}&ticket=${ticket}`, { withoutBearer: true })).text,
    "bothof us",
  );

  // Of this cluster, all the same, under either of its names.
  for (const here of ["/v1/webapi/sites/main", "/v1/webapi/sites/-current-"]) {
    assertEquals((await browser.ask("GET", `${here}/sessions/${sid}/events`)).status, 404);
    assertEquals((await browser.ask("GET", `${here}/events?search=${sid}`)).json.events, []);
    assertEquals((await browser.ask("POST", `${here}/call/access.mine`, { body: {} })).json.name, "joe");
  }
});

Deno.test("trust goes one way: the trusting cluster's users see nothing of the trusted one", async () => {
  const eve = await east.user("eve", [LOGIN]);
  await eve.loginOk();
  assertEquals((await eve.tsh(["clusters"])).stdout.includes("main"), false);
  assertNotEquals((await eve.tsh(["--cluster=main", "ls"])).code, 0);
  assertNotEquals((await eve.tsh(["--cluster=main", "ssh", `${LOGIN}@alpha`, "true"])).code, 0);
  const { proxySsh } = await main.addresses();
  const direct = await run("ssh", [
    ...["-F", "none", "-i", eve.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
    ...["-p", `${proxySsh?.port}`, `${LOGIN}@127.0.0.1`, "-s", "proxysites"],
  ]);
  assertMatch(direct.stderr, /Permission denied/);
});

Deno.test("the role map decides: other roles, other logins, none at all, at once", async () => {
  await east.tctlOk("create", "-f", await roleFile("guests", { env: "staging" }));
  await east.tctlOk(
    "create",
    "-f",
    await trustFile(main, east, { role_map: [{ remote: "adm*", local: ["guests"] }] }),
  );
  await eventually("the node to be refused", async () => {
    const { stderr } = await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "true"]);
    return /denied/.test(stderr) || undefined;
  });
  assertEquals((await joe.tsh(["--cluster=east", "ls", "--format=json"])).stdout.trim(), "[]");
  await east.tctlOk(
    "create",
    "-f",
    await trustFile(main, east, { role_map: [{ remote: "ops", local: ["admin"] }] }),
  );
  await eventually("everything to be refused", async () => {
    const { stderr } = await joe.tsh(["--cluster=east", "ls"]);
    return /no role of theirs is mapped/.test(stderr) || undefined;
  });
  await east.tctlOk(
    "create",
    "-f",
    await trustFile(main, east, { role_map: [{ remote: "*", local: ["admin"] }] }),
  );
  await eventually(
    "the node to be there again",
    async () =>
      (await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "echo back"])).stdout === "back\n" ||
      undefined,
  );
});

Deno.test("disabling the trust cuts sessions and the tunnel; enabling it again takes no token", async () => {
  using terminal = await LiveTerminal.open(joe, LOGIN, { host: "db1", cluster: "east" });
  terminal.type("echo re''ady\n");
  await terminal.shows("ready");
  await east.tctlOk("create", "--force", await trustFile(main, east, { enabled: false }));
  await Promise.race([terminal.exit, terminal.closed]);
  await untilStatus(main, "east", "offline");
  assertEquals(await seenStatus(joe, "east"), "offline");
  const cut = await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "true"]);
  assertStringIncludes(cut.stderr, 'cluster "east" is offline');
  for (
    const path of ["nodes", "sessions", "events", "events/follow", `sessions/${crypto.randomUUID()}/events`]
  ) {
    const answer = await browser.ask("GET", `/v1/webapi/sites/east/${path}`);
    assertEquals(answer.status, 503, path);
    assertStringIncludes(answer.json.message, 'cluster "east" is offline');
  }
  await east.tctlOk("create", "-f", await trustFile(main, east, { token: undefined }));
  await untilStatus(main, "east", "online");
  assertEquals((await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "echo again"])).stdout, "again\n");
});

Deno.test("either side ends it: what main has removed is refused, what east has removed is offline", async () => {
  await main.tctlOk("rm", "rc/east");
  await eventually("east to be gone", async () => await seenStatus(joe, "east") === undefined || undefined);
  assertStringIncludes((await joe.tsh(["--cluster=east", "ls"])).stderr, "is not known");
  await eventually("east to say why", () => /does not know this cluster/.test(east.stderr) || undefined);
  await east.tctlOk("rm", "tc/main");
  await pair(main, east);
  assertEquals((await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "echo anew"])).stdout, "anew\n");
  const backup = await east.tctlOk("get", "tc/main", "--with-secrets");
  await east.tctlOk("rm", "cluster/main");
  await untilStatus(main, "east", "offline");
  // A backup holds what pairing has shown, so it needs no token that is still good.
  await Deno.writeTextFile(`${east.directory}/backup.yaml`, backup.replace(CLUSTER_TOKEN, "long-gone-token"));
  await east.tctlOk("create", `${east.directory}/backup.yaml`);
  await untilStatus(main, "east", "online");
  await east.tctlOk("rm", "cluster/main");
  await untilStatus(main, "east", "offline");
  assertEquals((await east.tctl("get", "tc/main")).code, 1);
});

Deno.test("clusters pair by tokens that tctl makes, in either spelling, until these expire", async () => {
  const made = [
    await main.tctlOk("nodes", "add", "--roles=trustedcluster", "--ttl=5m", "--format=json"),
    await main.tctlOk("tokens", "add", "--type=trusted_cluster", "--ttl=5m", "--format=json"),
  ];
  for (const text of made) {
    const { token } = JSON.parse(text);
    await pair(main, east, { token });
    await east.tctlOk("rm", "tc/main");
  }
  const { token } = JSON.parse(
    await main.tctlOk("tokens", "add", "--type=trusted_cluster", "--ttl=1s", "--format=json"),
  );
  await eventually(
    "the token to expire",
    async () => !(await main.tctlOk("tokens", "ls")).includes(token) || undefined,
  );
  const late = await east.tctl("create", await trustFile(main, east, { token }));
  assertStringIncludes(late.stderr, "the cluster token has been rejected");
});

async function roleFile(name: string, labels: Record<string, string>): Promise<string> {
  const file = `${east.directory}/role-${name}.json`;
  const allow = { logins: ["{{internal.logins}}"], node_labels: labels, rules: [] };
  await Deno.writeTextFile(
    file,
    JSON.stringify({ kind: "role", version: "v3", metadata: { name }, spec: { allow } }),
  );
  return file;
}
