import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { joinToken, startNode } from "../kit/second_node.ts";
import { eventually, programArgs, runProgram, spawn } from "../kit/run.ts";
import type { User } from "../kit/user.ts";

let cluster: Daemon;
let joe: User;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  joe = await cluster.user("joe", [LOGIN]);
  await joe.loginOk();
});

Deno.test.afterAll(async () => {
  await cluster.stop();
});

const marker = () => `35${crypto.getRandomValues(new Uint32Array(1))[0]}`;
const file = (sid: string, part: string) => `${cluster.dataDir}/log/sessions/default/${sid}.session.${part}`;

/** Records a command on a terminal; settles when auth has all of it. */
async function recorded(command: string, act?: (terminal: LiveTerminal) => Promise<void>): Promise<string> {
  const mark = marker();
  {
    using terminal = await LiveTerminal.open(joe, LOGIN, { command: `${command} # ${mark}` });
    await act?.(terminal);
    await terminal.exit;
  }
  const { sid } = await cluster.event("session.start", (event) => String(event.command).endsWith(mark));
  await eventually("the whole recording on auth", async () => {
    const text = await Deno.readTextFile(file(String(sid), "log")).catch(() => "");
    return text.includes('"session.end"') || undefined;
  });
  return String(sid);
}

Deno.test("what is typed and what is shown is recorded, but never what is typed without an echo", async () => {
  const secret = `hunter${marker()}`;
  const command =
    "read -r word; echo heard $word; stty -echo; printf 'Password: '; read -r p; stty echo; echo ok $((3 + 4))";
  const sid = await recorded(command, async (terminal) => {
    terminal.type("typed-word\n");
    await terminal.shows("Password: ");
    terminal.type(`${secret}\n`);
    await terminal.shows("ok 7");
  });
  const bytes = await Deno.readTextFile(file(sid, "bytes"));
  assertEquals(bytes, "typed-word\r\nheard typed-word\r\nPassword: ok 7\r\n");
  const log = await Deno.readTextFile(file(sid, "log"));
  assertEquals(log.includes(secret), false);
  for (const line of log.trimEnd().split("\n")) assert(JSON.parse(line).time);
});

Deno.test("tsh play shows a recording at its own pace, and says that it is unchanged", async () => {
  const sid = await recorded("echo first; sleep 2; echo second");
  const start = performance.now();
  const child = spawn(Deno.execPath(), programArgs("tsh", ["play", sid]), {
    env: { HOME: joe.options.home },
  });
  let first = 0;
  let second = 0;
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (first === 0 && output.includes("first")) first = performance.now();
    if (second === 0 && output.includes("second")) second = performance.now();
  }
  const { code, stderr } = await ended(child);
  assertEquals([code, output], [0, "first\r\nsecond\r\n"], stderr);
  assert(
    Math.abs(second - first - 2000) < 400,
    `${second - first} ms between the two, after ${first - start} ms`,
  );
  assertMatch(stderr, /end of session \(unchanged, signed by host [0-9a-f-]{36}\)/);
});

async function ended(child: Deno.ChildProcess): Promise<{ code: number; stderr: string }> {
  await child.stdin.close();
  const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  return { code, stderr };
}

Deno.test("keys steer tsh play: right seeks, space pauses, q quits", async () => {
  const cast = `${joe.options.home}/keys.cast`;
  const lines = [{ version: 2, width: 80, height: 24 }, [0, "o", "first"], [9, "o", "second"], [
    60,
    "o",
    "third",
  ]];
  await Deno.writeTextFile(cast, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const tsh = [Deno.execPath(), ...programArgs("tsh", ["play", cast])].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qefc", `stty rows 40 cols 100; ${tsh}`, "/dev/null"], {
    env: { HOME: joe.options.home, TERM: "xterm", SHELL: "/bin/sh" },
  });
  let output = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) output += text;
  })();
  const keys = child.stdin.getWriter();
  const press = (text: string) => keys.write(new TextEncoder().encode(text));
  const shows = (text: string) => eventually(text, () => output.includes(text) || undefined);
  try {
    const start = performance.now();
    await shows("first");
    await press("\x1b[C");
    await shows("second");
    await press(" ");
    await shows("paused");
    await press("q");
    const { code } = await child.status;
    assertEquals(code, 0, output);
    assertEquals(output.includes("third"), false);
    assert(performance.now() - start < 9_000, "nobody waited for the pauses of the session");
  } finally {
    await keys.close().catch(() => {}); // script has ended
    await Promise.all([reading, child.stderr.cancel()]);
  }
});

Deno.test("a byte that is changed on auth's disk is named by tsh play and by tctl recordings verify", async () => {
  const sid = await recorded("printf one; sleep 0.1; printf two; sleep 0.1; echo three");
  assertMatch(await cluster.tctlOk("recordings", "verify", sid), /^unchanged, signed by host/);
  const path = file(sid, "bytes");
  const bytes = await Deno.readFile(path);
  bytes[4] = "T".charCodeAt(0);
  await Deno.writeFile(path, bytes);
  const place = "bytes 3 to 5 of the output";
  const played = await joe.tsh(["play", sid]);
  assertEquals([played.code, played.stdout], [1, "one"], "what was changed is not shown");
  assertStringIncludes(played.stderr, place);
  const verified = await cluster.tctl("recordings", "verify", sid);
  assertEquals(verified.code, 1);
  assertStringIncludes(verified.stderr, place);
});

Deno.test("recordings are listed and exported, and what was exported plays without a cluster", async () => {
  const sid = await recorded("printf '\\033[1mbold\\033[0m\\n'; echo done");
  assertMatch(
    await cluster.tctlOk("recordings", "ls"),
    new RegExp(`^${sid} joe +${LOGIN} +alpha +\\S.* \\d+$`, "m"),
  );
  assertEquals(await cluster.tctlOk("recordings", "export", sid, "--format=text"), "bold\ndone\n");
  const directory = await Deno.makeTempDir({ prefix: "teleport-export-" });
  try {
    const cast = `${directory}/session.cast`;
    await cluster.tctlOk("recordings", "export", sid, "--format=asciicast", `--out=${cast}`);
    const [header, first] = (await Deno.readTextFile(cast)).split("\n");
    const { version, width, height } = JSON.parse(header ?? "");
    assertEquals([version, width, height], [2, 80, 24]);
    assertEquals(JSON.parse(first ?? "").slice(1, 2), ["o"]);
    const again = await cluster.tctl("recordings", "export", sid, `--out=${cast}`);
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, "exists already");
    for (const part of ["bytes", "log"]) {
      await Deno.copyFile(file(sid, part), `${directory}/${sid}.session.${part}`);
    }
    for (const path of [cast, `${directory}/${sid}.session.bytes`]) {
      const played = await runProgram("tsh", ["play", path], { env: { HOME: directory } });
      assertEquals([played.code, played.stdout], [0, "\x1b[1mbold\x1b[0m\r\ndone\r\n"], played.stderr);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("with record_commands a command without a terminal is recorded as a shell is", async () => {
  await using other = await Daemon.start({ auth: { record_commands: "yes" } });
  const ann = await other.user("ann", [LOGIN]);
  await ann.loginOk();
  const result = await ann.ssh(`${LOGIN}@alpha`, "echo to-out; echo to-err >&2; exit 6");
  assertEquals([result.code, result.stdout, result.stderr], [6, "to-out\n", "to-err\n"]);
  const exec = await other.event("exec", (event) => event.exitCode === 6);
  const end = await other.event("session.end", (event) => event.sid === exec.sid);
  assertEquals(end.exitCode, 6);
  const played = await eventually("the recording", async () => {
    const { code, stdout } = await ann.tsh(["play", "--raw", String(exec.sid)]);
    return code === 0 && stdout.includes("to-err") ? stdout : undefined;
  });
  assertStringIncludes(played, "to-out\n");
});

Deno.test("kill -9 of auth and proxy during a recorded session: what was shown until then replays, unchanged", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-killed-auth-" });
  const auth = { listen_addr: `127.0.0.1:${freePort()}` }; // where the node finds it again
  const proxy = { web_listen_addr: `127.0.0.1:${freePort()}`, listen_addr: `127.0.0.1:${freePort()}` };
  const options = { directory, auth, proxy, node: { enabled: "no" } };
  try {
    const first = await Daemon.start(options);
    const joe = await first.user("joe", [LOGIN]);
    await joe.loginOk();
    await using _node = await startNode(first, { nodename: "beta", token: await joinToken(first) });
    using terminal = await LiveTerminal.open(joe, LOGIN, {
      host: "beta",
      command: "echo before; read line; echo after $line; read line",
    });
    await terminal.shows("before");
    const { sid } = await first.event("session.start");
    terminal.type("the-first\n");
    await terminal.shows("after the-first");
    await first.signal("SIGKILL");
    await using second = await Daemon.start(options);
    const end = await second.event("session.end", (event) => event.sid === sid);
    assertEquals(end.user, "joe");
    const verified = await eventually("the whole recording", async () => {
      const { stdout } = await second.tctl("recordings", "verify", String(sid));
      return stdout.includes("signed by") ? stdout : undefined;
    });
    assertStringIncludes(verified, "unchanged, signed by host");
    const text = await second.tctlOk("recordings", "export", String(sid), "--format=text");
    assertEquals(text, "before\nthe-first\nafter the-first\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("audit_sessions_uri puts recordings into another directory, and nothing of them beside the audit log", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-sessions-" });
  try {
    await using daemon = await Daemon.start({
      teleport: { storage: { audit_sessions_uri: `file://${directory}` } },
    });
    const ann = await daemon.user("ann", [LOGIN]);
    await ann.loginOk();
    const session = await ann.tsh(["ssh", "-t", `${LOGIN}@alpha`, "echo elsewhere"]);
    assertEquals(session.code, 0, session.stderr);
    const { sid } = await daemon.event("session.end");
    await eventually("the recording", async () => {
      const shown = await ann.tsh(["play", String(sid)]);
      return shown.stdout.includes("elsewhere") || undefined;
    });
    const names = (await Array.fromAsync(Deno.readDir(`${directory}/default`))).map(({ name }) => name);
    assert(names.includes(`${sid}.session.bytes`), names.join());
    const beside = await Array.fromAsync(Deno.readDir(`${daemon.dataDir}/log`));
    assertEquals(beside.some(({ name }) => name === "sessions"), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
