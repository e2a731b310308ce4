import { assert, assertEquals } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { eventually } from "../kit/run.ts";
import { endAll, gone, replaced, runs } from "../kit/succession.ts";
import { WebBrowser } from "../kit/web_browser.ts";
import { WebTerminalClient } from "../kit/web_terminal.ts";

const LOGIN = Deno.env.get("USER") ?? "root";

async function nodeId(browser: WebBrowser): Promise<string> {
  return (await browser.ask("GET", "/v1/webapi/sites/-current-/nodes")).json.items[0].id;
}

Deno.test("terminals in a browser", async (t) => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const ann = await daemon.user("ann");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const server = await nodeId(browser);

  await t.step("a shell with a terminal of the window's size, which follows it", async () => {
    const terminal = await WebTerminalClient.open(browser, server, LOGIN);
    const ready = await terminal.notice("ready");
    assertEquals([ready.server, ready.login], [server, LOGIN]);
    terminal.type("echo sid=$SSH_SESSION_ID from=${SSH_CLIENT%% *} size=$(stty size | tr ' ' x)\r");
    const shown = await terminal.shows(/sid=([0-9a-f-]{36}) from=(\S+) size=(\w+)/);
    assertEquals(shown.slice(1), [ready.sid, "127.0.0.1", "30x100"]);
    terminal.send({ type: "resize", w: 132, h: 43 });
    await terminal.notice("size", ({ w, h }) => w === 132 && h === 43);
    terminal.type("stty size\r");
    await terminal.shows("43 132");
    terminal.type("echo naïve-日本 $LC_CTYPE\r");
    await terminal.shows(/\rnaïve-日本 C.UTF-8/);
    terminal.send({ type: "ping", id: 7 });
    assertEquals((await terminal.notice("pong")).id, 7);
    terminal.type("exit 3\r");
    assertEquals(await terminal.notice("exit"), { type: "exit", status: 3 });
    assertEquals(await terminal.closed(), 1000);
    const start = await daemon.event("session.start", ({ sid }) => sid === ready.sid);
    assertEquals([start.user, start.login, start.size], ["joe", LOGIN, "100:30"]);
    await daemon.event("proxy.connect", ({ user, success }) => user === "joe" && success === true);
  });

  await t.step("a lost connection comes back to the same session, with its screen", async () => {
    const first = await WebTerminalClient.open(browser, server, LOGIN);
    const { sid } = await first.notice("ready");
    first.type("secret=4711; echo be''fore\r");
    await first.shows("before");
    first.socket.terminate();
    const again = await WebTerminalClient.open(browser, server, LOGIN, { open: { sid } });
    assertEquals((await again.notice("ready")).sid, sid);
    await again.shows("before");
    again.type("echo again=$secret\r");
    await again.shows("again=4711");
    again.type("exit\r");
    assertEquals((await again.notice("exit")).status, 0);
    await daemon.event("session.join", (event) => event.sid === sid);
  });

  await t.step("two people in one session: the smaller window rules, both type", async () => {
    await daemon.tctlOk("create", await roleThatJoins(daemon.directory));
    await daemon.tctlOk("users", "update", "ann", "--set-roles=admin,joiner");
    const other = await WebBrowser.signedIn(daemon, ann);
    const mine = await WebTerminalClient.open(browser, server, LOGIN);
    const { sid } = await mine.notice("ready");
    await eventually(
      "the session to be listed",
      async () =>
        (await other.call("sessions.list")).json.find((session: { sid: string }) => session.sid === sid),
    );
    const theirs = await WebTerminalClient.open(other, server, LOGIN, {
      open: { sid, term: { w: 80, h: 20 } },
    });
    assertEquals((await theirs.notice("ready")).sid, sid);
    await mine.notice("size", ({ w, h }) => w === 80 && h === 20);
    theirs.type("echo from-''ann\r");
    await mine.shows("from-ann");
    mine.type("echo from-''joe\r");
    await theirs.shows("from-joe");
    theirs.socket.terminate();
    await mine.notice("size", ({ w, h }) => w === 100 && h === 30);
    mine.type("exit\r");
    await mine.notice("exit");
  });

  await t.step("what a user may not do is refused with the reason", async () => {
    const stranger = await WebTerminalClient.open(browser, server, "nobody");
    assertEquals(await stranger.closed(), 4403);
    assert(
      stranger.notices.some((notice) => notice.type === "error" && /access denied/.test(notice.message)),
    );
    const nowhere = await WebTerminalClient.open(browser, "no-such-node", LOGIN);
    assertEquals(await nowhere.closed(), 4403);
    const noSession = await WebTerminalClient.open(browser, server, LOGIN, {
      open: { sid: crypto.randomUUID() },
    });
    await noSession.notice("exit");
    assert(/does not run/.test(noSession.shown), noSession.shown);
  });

  await t.step("signing out closes the terminals of the session within a second, and no others", async () => {
    const elsewhere = await WebBrowser.signedIn(daemon, await daemon.user("eve"));
    const other = await WebTerminalClient.open(elsewhere, server, LOGIN);
    await other.notice("ready");
    const terminal = await WebTerminalClient.open(browser, server, LOGIN);
    await terminal.notice("ready");
    const began = Date.now();
    assertEquals((await browser.ask("DELETE", "/v1/webapi/sessions")).status, 200);
    assertEquals(await terminal.closed(), 4401);
    assert(Date.now() - began < 1000);
    other.type("echo still-''here\r");
    await other.shows("still-here");
    await daemon.tctlOk("users", "lock", "eve");
    assertEquals(await other.closed(), 4401);
  });
});

async function roleThatJoins(directory: string): Promise<string> {
  const file = `${directory}/joiner.yaml`;
  await Deno.writeTextFile(
    file,
    `kind: role
version: v3
metadata: {name: joiner}
spec:
  allow:
    logins: ["{{internal.logins}}"]
    node_labels: {"*": "*"}
    rules:
    - resources: [session]
      verbs: [list, read, update]
`,
  );
  return file;
}

Deno.test("where proxies record, terminals in a browser are recorded there, and files go the same way", async () => {
  await using daemon = await Daemon.start({ auth: { session_recording: "proxy" } });
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const server = await nodeId(browser);
  const terminal = await WebTerminalClient.open(browser, server, LOGIN);
  const { sid } = await terminal.notice("ready");
  terminal.type("echo sid=$SSH_SESSION_ID\r");
  await terminal.shows(`sid=${sid}`);
  terminal.send({ type: "resize", w: 70, h: 21 });
  await terminal.notice("size", ({ w, h }) => w === 70 && h === 21);
  terminal.socket.terminate();
  const again = await WebTerminalClient.open(browser, server, LOGIN, { open: { sid } });
  await again.shows(`sid=${sid}`);
  const listed = await eventually(
    "the session to be listed",
    async () =>
      (await browser.call("sessions.list")).json.find((session: { sid: string }) => session.sid === sid),
  );
  const joined = await WebTerminalClient.open(browser, listed.server, LOGIN, {
    open: { sid, mode: "observer" },
  });
  await joined.shows(`sid=${sid}`);
  again.type("exit\r");
  assertEquals((await again.notice("exit")).status, 0);
  await joined.notice("exit");
  await eventually(
    "the recording",
    async () =>
      (await browser.call("recordings.list")).json.find((one: { sid: string; complete: boolean }) =>
        one.sid === sid && one.complete
      ),
  );
  const text = await browser.ask("GET", `/v1/webapi/sites/main/sessions/${sid}/stream`);
  assert(text.text.includes(`sid=${sid}`));
  const path = `/v1/webapi/sites/main/nodes/${server}/${LOGIN}/files?path=${daemon.directory}/up`;
  assertEquals((await browser.ask("PUT", path, { body: new Uint8Array(1000) })).status, 200);
  assertEquals((await browser.ask("GET", path)).bytes.length, 1000);
});

Deno.test("HUP: a terminal in a browser stays with the old process until it is closed, and the login goes on in the new", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const server = await nodeId(browser);
  const terminal = await WebTerminalClient.open(browser, server, LOGIN);
  await terminal.notice("ready");
  try {
    const [before, after] = await replaced(daemon, "SIGHUP");
    terminal.type("echo after-''reload\r");
    await terminal.shows("after-reload");
    assertEquals((await browser.ask("GET", "/v1/webapi/user/context")).status, 200);
    const next = await WebTerminalClient.open(browser, server, LOGIN);
    await next.notice("ready");
    assertEquals([await runs(before), await runs(after)], [true, true]);
    terminal.type("exit\r");
    await terminal.notice("exit");
    await gone(before);
    next.type("exit\r");
    await next.notice("exit");
  } finally {
    await endAll(daemon);
  }
});
