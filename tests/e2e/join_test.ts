import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { putResources, putUsers } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { IS_ROOT, LOGIN, noProcessWith, processesWith } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, programArgs, spawn } from "../kit/run.ts";
import type { User } from "../kit/user.ts";

let cluster: Daemon;
let joe: User;
let ann: User;
let account: TemporaryUser | undefined;
/** As root a fresh account: root's own start-up files may be slow, or wait for each other. */
let login = LOGIN;

Deno.test.beforeAll(async () => {
  if (IS_ROOT) account = await TemporaryUser.create("tpjoin");
  login = account?.name ?? LOGIN;
  cluster = await Daemon.start();
  const join = [{ resources: ["session"], verbs: ["list", "read", "update"] }];
  await putResources(cluster, {
    kind: "role",
    version: "v3",
    metadata: { name: "helper" },
    spec: { allow: { rules: join } },
  });
  joe = await cluster.user("joe", [login]);
  ann = await cluster.user("ann", [login]);
  await putUsers(cluster, { name: "ann", logins: [login], roles: ["admin", "helper"], traits: {} });
  await joe.loginOk();
  await ann.loginOk();
});

Deno.test.afterAll(async () => {
  await cluster.stop();
  await account?.[Symbol.asyncDispose]();
});

interface Listed {
  sid: string;
  user: string;
  login: string;
  node: string;
  columns: number;
  rows: number;
  parties: { user: string; mode: string }[];
}

async function listed(user: User): Promise<Listed[]> {
  return JSON.parse((await user.tsh(["sessions", "--format=json"])).stdout);
}

/** A shell of joe's that is there, with a prompt nobody mistakes. */
async function begin(wish = {}): Promise<{ shell: LiveTerminal; sid: string }> {
  const shell = await LiveTerminal.open(joe, login, wish);
  shell.type("PS1='ready> '; echo sid=$SSH_SESSION_ID=\n");
  const sid = await eventually("the session's id", () => /sid=([0-9a-f-]{36})=/.exec(shell.text)?.[1]);
  return { shell, sid };
}

const ofSession = (sid: string) => (event: Record<string, unknown>) => event.sid === sid;

Deno.test("a second party sees the screen, both type, all see it, and the smallest window rules", async () => {
  const { shell, sid } = await begin({ columns: 100, rows: 30 });
  using _owner = shell;
  shell.type("echo shown $((40 + 2)) before\n");
  await shell.shows("shown 42 before");
  using second = await LiveTerminal.join(ann, login, sid, { columns: 90, rows: 40 });
  await second.shows("shown 42 before");
  await shell.shows("teleport: ann joined; here: joe, ann; 90x30");
  second.type("stty size; echo by-ann-$((1 + 1))\n");
  await shell.shows("30 90");
  await shell.shows("by-ann-2");
  await second.shows("by-ann-2");
  shell.type("echo by-joe-$((1 + 2))\n");
  await second.shows("by-joe-3");

  const row = await eventually(
    "the session with both in the list",
    async () => (await listed(joe)).find((row) => row.sid === sid && row.parties.length === 2),
  );
  assertEquals([row.user, row.login, row.node, row.columns, row.rows], ["joe", login, "alpha", 90, 30]);
  assertEquals(row.parties.map(({ user }) => user), ["joe", "ann"]);

  const join = await cluster.event("session.join", ofSession(sid));
  assertEquals([join.user, join.login, join.mode], ["ann", login, "peer"]);
  second.hangUp();
  await shell.shows("teleport: ann left; here: joe; 100x30");
  const leave = await cluster.event("session.leave", ofSession(sid));
  assertEquals(leave.user, "ann");
  shell.type("stty size; exit 7\n");
  await shell.shows("30 100");
  assertEquals((await shell.exit).code, 7);
  await eventually(
    "the session to be gone",
    async () => !(await listed(joe)).some((row) => row.sid === sid) || undefined,
  );

  const events = (await cluster.events()).filter(ofSession(sid)).map((
    { event, user, size },
  ) => [event, user, size ?? ""]);
  assertEquals(events, [
    ["session.start", "joe", "100:30"],
    ["session.join", "ann", ""],
    ["resize", "ann", "90:30"],
    ["session.leave", "ann", ""],
    ["resize", "ann", "100:30"],
    ["session.leave", "joe", ""],
    ["session.end", "joe", ""],
  ]);
  // Whoever took part sees the recording.
  const played = await eventually("the recording", async () => {
    const { code, stdout } = await ann.tsh(["play", "--raw", sid]);
    return code === 0 && stdout.includes("30 100") ? stdout : undefined;
  });
  assertStringIncludes(played, "by-ann-2");
  assertEquals(played.includes("teleport: ann"), false, "what we say is not the program's output");
});

Deno.test("tsh join takes part as an ssh would, ~. leaves, a bad id is refused", async () => {
  const bad = await joe.tsh(["join", "nonsense"]);
  assertEquals(bad.code, 1);
  assertStringIncludes(bad.stderr, "'nonsense' is not a valid session ID (must be GUID)");
  const none = await joe.tsh(["join", crypto.randomUUID()]);
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "no session");
  const { shell, sid } = await begin();
  using _owner = shell;
  await eventually(
    "the session in the list",
    async () => (await listed(ann)).some((row) => row.sid === sid) || undefined,
  );
  const tsh = [Deno.execPath(), ...programArgs("tsh", ["join", sid])].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qefc", `stty rows 20 cols 70; ${tsh}`, "/dev/null"], {
    env: { HOME: ann.options.home, TERM: "xterm", SHELL: "/bin/sh", USER: "ann" },
  });
  let output = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) output += text;
  })();
  const keys = child.stdin.getWriter();
  const press = (text: string) => keys.write(new TextEncoder().encode(text));
  try {
    await shell.shows("ann joined; here: joe, ann; 70x20");
    const number = `34${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    await press(`sleep ${number}\r`);
    await eventually(
      "sleep to run",
      async () => (await processesWith(`sleep ${number}`)).length > 0 || undefined,
    );
    await press("\x03");
    await noProcessWith(number);
    await press("echo typed-$((2 + 3))\r");
    await shell.shows("typed-5");
    await eventually("the echo at ann's", () => output.includes("typed-5") || undefined);
    await press("\r~.");
    const { code } = await child.status;
    assertEquals(code, 0, output);
    await shell.shows("ann left");
  } finally {
    await keys.close().catch(() => {}); // script has ended
    await Promise.all([reading, child.stderr.cancel()]);
  }
  shell.type("exit\n");
  await shell.exit;
});

Deno.test("an observer sees everything, types nothing and does not shape the terminal", async () => {
  const { shell, sid } = await begin();
  using _owner = shell;
  using observer = await LiveTerminal.join(ann, login, sid, { mode: "observer", columns: 20, rows: 5 });
  await shell.shows("ann joined as an observer; here: joe, ann (observer); 80x24");
  observer.type("echo observer-was-here\n");
  shell.type("stty size; echo seen-$((3 + 4))\n");
  await observer.shows("seen-7");
  await shell.shows("24 80");
  assertEquals(shell.text.includes("observer-was-here"), false);
  shell.type("exit 3\n");
  assertEquals([(await shell.exit).code, (await observer.exit).code], [3, 3]);
});

Deno.test("a full-screen program looks right to who joins later", async () => {
  const program = "printf '\\033[?1049h\\033[2J\\033[5;10HMENU\\033[7;3H> \\033[?25l'; sleep 1000";
  using owner = await LiveTerminal.open(joe, login, { command: program });
  await owner.shows("MENU");
  const { sid } = await cluster.event("session.start", (event) => String(event.command).includes("MENU"));
  using second = await LiveTerminal.join(ann, login, String(sid));
  await second.shows("MENU");
  assertStringIncludes(second.text, "\x1b[?1049h");
  assertStringIncludes(second.text, "\x1b[?25l");
  // Notices do not scroll the screen of such a program.
  await owner.shows("\x1b7\x1b[1;1H\x1b[7m teleport: ann joined");
  owner.hangUp();
  await second.shows("joe left");
  second.hangUp();
  await noProcessWith("5;10HMENU");
});

Deno.test("who may not join is told why, and it is an event", async () => {
  const eve = await cluster.user("eve", [login, "nobody"]);
  await eve.loginOk();
  const { shell, sid } = await begin();
  using _owner = shell;
  const refused = async (user: User, as: string, id: string, wish: object, text: string) => {
    using terminal = await LiveTerminal.join(user, as, id, wish);
    assertEquals((await terminal.exit).code, 1);
    assertStringIncludes(terminal.text, text);
  };
  await refused(eve, login, sid, {}, `eve may only look on at session ${sid}`);
  if (IS_ROOT) {
    await refused(eve, "nobody", sid, {}, `can't switch users from ${login} to nobody for session ${sid}`);
  }
  await refused(eve, login, crypto.randomUUID(), {}, "does not run here");
  await refused(eve, login, "../../etc", {}, "must be a uuid");
  await refused(eve, login, sid, { mode: "owner" }, "joined as peer or observer");
  await refused(ann, login, sid, { command: "id" }, "cannot bring a command");
  const event = await cluster.event("session.join", (event) => event.user === "eve" && event.sid === sid);
  assertEquals(event.success, false);
  using observer = await LiveTerminal.join(eve, login, sid, { mode: "observer" });
  await observer.shows("eve joined as an observer");
  shell.type("exit\n");
  await shell.exit;
});

Deno.test("a shell waits for its owner to come back, and goes on as it was", async () => {
  const { shell, sid } = await begin();
  shell.type("kept=still-here; echo set\n");
  await shell.shows("set");
  shell.hangUp();
  await cluster.event("session.leave", ofSession(sid));
  using again = await LiveTerminal.join(joe, login, sid);
  again.type("echo $kept-$((5 + 6))\n");
  await again.shows("still-here-11");
  again.type("exit 4\n");
  assertEquals((await again.exit).code, 4);
  const end = await cluster.event("session.end", ofSession(sid));
  assertEquals(end.exitCode, 4);
});

Deno.test("an administrator ends a session: its program, and everybody in it", async () => {
  const { shell, sid } = await begin();
  using _owner = shell;
  using second = await LiveTerminal.join(ann, login, sid);
  await second.shows("ann joined");
  const number = `33${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  shell.type(`sleep ${number}\n`);
  await eventually(
    "the session in the list",
    async () => (await cluster.tctlOk("sessions", "ls")).includes(sid) || undefined,
  );
  assertMatch(await cluster.tctlOk("sessions", "end", sid), /has ended/);
  await Promise.all([shell.exit, second.exit]);
  assertMatch(shell.text, /teleport: ended by admin/);
  await noProcessWith(number);
  const end = await cluster.event("session.end", ofSession(sid));
  assertMatch(String(end.reason), /^ended by admin/);
  const wish = await cluster.event("session.terminate", ofSession(sid));
  assert(wish.success);
  const again = await cluster.tctl("sessions", "end", sid);
  assertEquals(again.code, 1);
  assertStringIncludes(again.stderr, `no session ${sid} is running`);
});

Deno.test("a party that reads nothing holds nobody back, and sees the screen as it is when it reads again", async () => {
  const { shell, sid } = await begin();
  using _owner = shell;
  using slow = await LiveTerminal.join(ann, login, sid);
  await slow.shows("ann joined");
  slow.session.stream.pause();
  shell.type("head -c 30000000 /dev/zero | tr '\\0' x; echo; clear; echo end-of-$((6 + 7))\n");
  await shell.shows("end-of-13");
  slow.text = "";
  slow.session.stream.resume();
  await slow.shows("end-of-13");
  assert(slow.text.length < 20_000_000, `it was spared most of the flood: ${slow.text.length}`);
  shell.type("exit\n");
  await shell.exit;
});

Deno.test("stock ssh joins a session by a variable", async () => {
  const { shell, sid } = await begin();
  using _owner = shell;
  const words = ["-tt", "-o", `SetEnv=TELEPORT_SESSION=${sid}`, `${login}@alpha.main`];
  const ssh = spawn("ssh", [...ann.sshArgs, ...words], { env: { HOME: ann.options.home, TERM: "xterm" } });
  const keys = ssh.stdin.getWriter();
  try {
    await shell.shows("ann joined");
    await keys.write(new TextEncoder().encode("echo by-$((8 * 8)); exit 9\n"));
    await shell.shows("by-64");
    const [{ code }, seen] = await Promise.all([
      ssh.status,
      new Response(ssh.stdout).text(),
      ssh.stderr.cancel(),
    ]);
    assertEquals(code, 9);
    assertStringIncludes(seen, "by-64");
    assertEquals((await shell.exit).code, 9);
  } finally {
    await keys.close().catch(() => {}); // ssh has ended
  }
});

Deno.test("a guest whose role is taken away is shown out at once, the owner stays", async () => {
  const { shell, sid } = await begin();
  using _owner = shell;
  using guest = await LiveTerminal.join(ann, login, sid);
  await guest.shows("ann joined");
  await putUsers(cluster, { name: "ann", logins: [login], roles: ["admin"], traits: {} });
  assertEquals((await guest.exit).code, 1);
  assertStringIncludes(guest.text, "you leave the session: ann may only look on");
  await shell.shows("ann left");
  shell.type("exit 2\n");
  assertEquals((await shell.exit).code, 2);
});
