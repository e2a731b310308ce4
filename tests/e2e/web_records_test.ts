import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { eventually } from "../kit/run.ts";
import { WebBrowser } from "../kit/web_browser.ts";
import { WebTerminalClient } from "../kit/web_terminal.ts";

const LOGIN = Deno.env.get("USER") ?? "root";
const SITE = "/v1/webapi/sites/-current-";

async function nodeId(browser: WebBrowser): Promise<string> {
  return (await browser.ask("GET", `${SITE}/nodes`)).json.items[0].id;
}

/** A session that is over, and recorded. */
async function recorded(daemon: Daemon, browser: WebBrowser): Promise<string> {
  const terminal = await WebTerminalClient.open(browser, await nodeId(browser), LOGIN);
  const { sid } = await terminal.notice("ready");
  terminal.type("echo re''corded; seq 1 2000\r");
  await terminal.shows(/recorded[^]*\b2000\b/);
  terminal.send({ type: "resize", w: 90, h: 33 });
  await terminal.notice("size", ({ w }) => w === 90);
  terminal.type("exit\r");
  await terminal.closed();
  await daemon.event("session.end", (event) => event.sid === sid);
  await eventually(
    "the recording to be complete",
    async () =>
      (await browser.call("recordings.list")).json.find((one: { sid: string; complete: boolean }) =>
        one.sid === sid && one.complete
      ),
  );
  return sid;
}

Deno.test("recordings in a browser", async (t) => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const sid = await recorded(daemon, browser);
  const session = `${SITE}/sessions/${sid}`;

  await t.step(
    "the events tell when and where each piece of output is, and the output is read by its place",
    async () => {
      const { events } = (await browser.ask("GET", `${session}/events`)).json;
      assertEquals(events[0].event, "session.start");
      assertEquals(events.at(-1).event, "session.end");
      assert(
        events.some((event: { event: string; size: string }) =>
          event.event === "resize" && event.size === "90:33"
        ),
      );
      const prints = events.filter(({ event }: { event: string }) => event === "print");
      const total = prints.reduce((sum: number, print: { bytes: number }) => sum + print.bytes, 0);
      assert(total > 8000);
      let last = 0;
      for (const { ms } of events) assert(ms >= last, "never backwards"), last = ms;
      const all = await browser.ask("GET", `${session}/stream`);
      assertEquals(all.bytes.length, total);
      assertStringIncludes(all.text, "recorded");
      const { offset, bytes } = prints[2];
      const part = await browser.ask("GET", `${session}/stream?offset=${offset}&bytes=${bytes}`);
      assertEquals(part.bytes, all.bytes.subarray(offset, offset + bytes));
      assertEquals((await browser.ask("GET", `${session}/stream?offset=${total}`)).bytes.length, 0);
      const later = (await browser.ask("GET", `${session}/events?after=0`)).json.events;
      assertEquals(later.length, events.length - 1);
      const verdict = (await browser.ask("GET", `${session}/verdict`)).json;
      assertEquals(verdict.sound, true, verdict.text);
    },
  );

  await t.step("what a browser takes compressed is sent compressed", async () => {
    const headers = { "accept-encoding": "gzip" };
    const answer = await browser.ask("GET", `${session}/events`, { headers });
    assertEquals(answer.headers["content-encoding"], "gzip");
    assertEquals(answer.json.events[0].event, "session.start");
  });

  await t.step(
    "a download takes a ticket, which works once, for one path, in the session it is of",
    async () => {
      const ticket = async (path: string) =>
        (await browser.ask("POST", "/v1/webapi/tickets", { body: { path } })).json.ticket;
      const path = `${session}/download?format=asciicast`;
      const cast = await ticket(path);
      const link = (path: string, ticket: string) =>
        browser.ask("GET", `${path}&ticket=${ticket}`, { withoutBearer: true });
      assertEquals((await link(path.replace("asciicast", "bytes"), cast)).status, 401);
      const answer = await link(path, cast);
      assertEquals(answer.status, 200);
      assertEquals(
        answer.headers["content-disposition"],
        `attachment; filename="${sid}.cast"; filename*=UTF-8''${sid}.cast`,
      );
      assertMatch(answer.text, /^\{"version":2,"width":100,"height":30,/);
      assertEquals((await link(path, cast)).status, 401, "once");
      const thief = await WebBrowser.signedIn(daemon, await daemon.user("mallory"));
      const stolen = await ticket(path);
      assertEquals((await thief.ask("GET", `${path}&ticket=${stolen}`, { withoutBearer: true })).status, 401);
      const text = await link(
        `${session}/download?format=text`,
        await ticket(`${session}/download?format=text`),
      );
      assertMatch(text.text, /^recorded$/m);
      const bytes = await browser.ask("GET", `${session}/download?format=bytes`);
      assertEquals(bytes.text.includes("recorded"), true);
    },
  );

  await t.step("who was not there and has no rule gets nothing of it", async () => {
    const file = `${daemon.directory}/plain.yaml`;
    await Deno.writeTextFile(
      file,
      `{kind: role, version: v3, metadata: {name: plain}, spec: {allow: {logins: [${LOGIN}], node_labels: {"*": "*"}}}}`,
    );
    await daemon.tctlOk("create", file);
    const eve = await daemon.user("eve");
    await daemon.tctlOk("users", "update", "eve", "--set-roles=plain");
    const other = await WebBrowser.signedIn(daemon, eve);
    for (const what of ["events", "stream", "download?format=text", "verdict"]) {
      assertEquals((await other.ask("GET", `${session}/${what}`)).status, 404, what);
    }
    assertEquals((await other.call("recordings.list")).json, []);
    assertEquals((await other.ask("GET", `${SITE}/events`)).status, 403);
    assertEquals((await other.ask("GET", `${SITE}/events/follow`)).status, 403);
    assertEquals((await other.ask("GET", `${SITE}/sessions/${crypto.randomUUID()}/events`)).status, 404);
    assertEquals((await other.ask("GET", `${SITE}/sessions/..%2f..%2fetc/events`)).status, 404);
  });

  await t.step("a recording that was changed says so", async () => {
    const path = `${daemon.dataDir}/log/sessions/default/${sid}.session.bytes`;
    const bytes = await Deno.readFile(path);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await Deno.writeFile(path, bytes);
    const verdict = (await browser.ask("GET", `${session}/verdict`)).json;
    assertEquals(verdict.sound, false);
  });
});

Deno.test("the audit log in a browser", async (t) => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);

  await t.step("it is searched by time, type, user and text", async () => {
    const search = async (query: string) => (await browser.ask("GET", `${SITE}/events?${query}`)).json.events;
    const logins = await search("type=user.login,cert.create&user=joe");
    assertEquals(
      new Set(logins.map(({ event }: { event: string }) => event)),
      new Set(["user.login", "cert.create"]),
    );
    assertEquals(await search("type=user.login&to=2001-01-01T00:00:00Z"), []);
    assertEquals((await search("type=user.login&search=joe")).length, 1);
    assertEquals((await browser.ask("GET", `${SITE}/events?from=yesterday`)).status, 400);
    assertEquals((await browser.ask("GET", `${SITE}/events?limit=x`)).status, 400);
  });

  await t.step("it is followed until the session ends, which ends the stream within a second", async () => {
    const answer = await browser.start("GET", `${SITE}/events/follow?type=user.login`);
    assertEquals([answer.statusCode, answer.headers["content-type"]], [200, "application/x-ndjson"]);
    let text = "";
    let ended = false;
    answer.on("data", (chunk) => text += chunk);
    answer.on("close", () => ended = true);
    await (await WebBrowser.open(daemon)).signIn("nobody", "wrong", "123456");
    await eventually("the event", () => text.includes(`"event":"user.login"`));
    const lines = text.split("\n").filter((line) => line !== "");
    assertEquals(lines.map((line) => JSON.parse(line).user), ["nobody"]);
    const began = Date.now();
    assertEquals((await browser.ask("DELETE", "/v1/webapi/sessions")).status, 200);
    await eventually("the end", () => ended);
    assert(Date.now() - began < 1000);
  });

  await t.step("streams that a browser leaves give back their places", async () => {
    const other = await WebBrowser.signedIn(daemon, await daemon.user("ann"));
    const paths = [`${SITE}/events/follow`, `${SITE}/sessions/${crypto.randomUUID()}/stream`];
    for (let i = 0; i < 40; i++) {
      const answer = await other.start("GET", `${SITE}/events/follow`);
      assertEquals(answer.statusCode, 200);
      answer.destroy();
      for (const path of paths) {
        const { status } = await other.ask("HEAD", path);
        assert(status === 200 || status === 404, `${status}`);
      }
      await eventually("a place", async () => {
        const { status } = await other.ask("HEAD", `${SITE}/events/follow`);
        return status === 200;
      });
    }
    // Asked for as if it were a WebSocket, nobody reads it on.
    const headers = { connection: "Upgrade", upgrade: "websocket" };
    const upgrades = Array.from({ length: 20 }, async () => {
      (await other.start("GET", `${SITE}/events/follow`, { headers })).destroy();
    });
    await Promise.all(upgrades);
    const open = [];
    for (let status = 200; status === 200;) {
      const answer = await other.start("GET", `${SITE}/events/follow`);
      status = answer.statusCode ?? 0;
      open.push(answer);
      assert(open.length <= 17, "there is a bound");
      if (status !== 200) assertEquals(status, 429);
    }
    assertEquals(open.length, 17);
    for (const answer of open) answer.destroy();
  });
});
