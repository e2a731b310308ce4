// Where proxies record, on either side of a tunnel.
import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually, run } from "../kit/run.ts";
import { SshAgent } from "../kit/ssh_agent.ts";
import { pair, startEast, startMain } from "../kit/trusted_clusters.ts";
import type { User } from "../kit/user.ts";
import { WebBrowser } from "../kit/web_browser.ts";
import { WebTerminalClient } from "../kit/web_terminal.ts";

const PROXY = { auth: { session_recording: "proxy" } };

/** Stock ssh as tsh has set it up, with the login in an agent. */
async function stock(user: User, target: string, command: string) {
  assertEquals((await user.tsh(["config", "--write"])).code, 0);
  const { home } = user.options;
  await using agent = await SshAgent.start();
  await agent.add(user.keyFile);
  return await run("ssh", [
    ...["-F", `${home}/.ssh/config`, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
    ...["-o", "ForwardAgent=yes", target, command],
  ], { env: { HOME: home, USER: user.name, ...agent.env }, timeoutMs: 60_000 });
}

/** A session on a terminal of db1. @returns its id, as the cluster that records it has it */
async function session(joe: User, recorder: Daemon, words: string, user: string): Promise<string> {
  const ran = await joe.tsh(["--cluster=east", "ssh", "-t", `${LOGIN}@db1`, `echo ${words}`]);
  assertEquals([ran.code, ran.stderr.replace(/Connection .*closed.*/s, "")], [0, ""]);
  const end = await recorder.event("session.end", (event) => event.user === user);
  return String(end.sid);
}

/** A session in a browser, joined from the list of the cluster that records it, and played from there. */
async function inBrowser(main: Daemon, recorder: "east" | undefined): Promise<void> {
  const browser = await WebBrowser.signedIn(main, await main.user("ann", [LOGIN]));
  const [east, site] = ["/v1/webapi/sites/east", `/v1/webapi/sites/${recorder ?? "main"}`];
  const { items: [db1] } = (await browser.ask("GET", `${east}/nodes`)).json;
  const first = await WebTerminalClient.open(browser, db1.id, LOGIN, { path: `${east}/connect` });
  const { sid, site: told } = await first.notice("ready");
  assertEquals(told, recorder);
  const running = await eventually(
    "the session to be listed",
    async () =>
      (await browser.ask("GET", `${site}/sessions`)).json.sessions.find((one: { sid: string }) =>
        one.sid === sid
      ),
  );
  const joined = { path: `${site}/connect`, open: { sid } };
  const second = await WebTerminalClient.open(browser, running.server, LOGIN, joined);
  await second.notice("ready", (notice) => notice.sid === sid);
  second.type("echo both''of us; exit\n");
  await Promise.all([first.closed(), second.closed()]);
  await eventually(
    "the recording to be signed",
    async () =>
      (await browser.ask("GET", `${site}/sessions/${sid}/verdict`)).json.sound === true || undefined,
  );
  assertStringIncludes((await browser.ask("GET", `${site}/sessions/${sid}/stream`)).text, "bothof us");
}

Deno.test("where the trusted cluster's proxies record, sessions in the other cluster are recorded there as well", async () => {
  await using main = await startMain(PROXY);
  await using east = await startEast();
  await pair(main, east);
  const joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  const here = await session(joe, main, "seen on the way", "joe");
  assertStringIncludes((await joe.tsh(["play", "--raw", here])).stdout, "seen on the way");
  const there = await east.event("session.end", ({ user }) => user === "main:joe");
  const played = await joe.tsh(["--cluster=east", "play", "--raw", String(there.sid)]);
  assertStringIncludes(played.stdout, "seen on the way");
  const ran = await stock(joe, `${LOGIN}@db1.east`, "echo stock; exit 4");
  assertEquals([ran.stdout, ran.code], ["stock\n", 4], ran.stderr);
  await inBrowser(main, undefined);
});

Deno.test("where the trusting cluster's proxies record, its guests are recorded by them", async () => {
  await using main = await startMain();
  await using east = await startEast(PROXY);
  await pair(main, east);
  const joe = await main.user("joe", [LOGIN]);
  await joe.loginOk();
  const sid = await session(joe, east, "kept by the proxy", "main:joe");
  const played = await joe.tsh(["--cluster=east", "play", "--raw", sid]);
  assertStringIncludes(played.stdout, "kept by the proxy");
  assertEquals((await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "exit 6"])).code, 6);
  const ran = await stock(joe, `${LOGIN}@db1.east`, "echo stock; exit 4");
  assertEquals([ran.stdout, ran.code], ["stock\n", 4], ran.stderr);
  await inBrowser(main, "east");
  assertNotEquals((await main.events()).some(({ event }) => event === "session.start"), true);
});
