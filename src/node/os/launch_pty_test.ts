import { createHash, randomBytes } from "node:crypto";
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ChildProcess } from "./child_process.ts";
import { TerminalStream } from "./terminal_stream.ts";
import { launchOnPty } from "./launch.ts";
import { libc } from "./libc.ts";
import { openPty } from "./pty.ts";
import { loginEnvironment, shellCommand } from "./shell.ts";
import { spawn } from "./spawn.ts";
import {
  isGone,
  isRoot,
  openDescriptors,
  Output,
  processState,
  startOnPty,
  until,
  withUser,
} from "./test_kit.ts";
import { currentUser } from "./user.ts";

const me = currentUser();

Deno.test({
  name: "a login shell owns its session and terminal",
  ignore: !isRoot,
  fn: () =>
    withUser(async (user) => {
      const size = { term: "xterm-256color", cols: 132, rows: 50 };
      const child = launchOnPty({ user, ...shellCommand(user), env: loginEnvironment(user), ...size });
      const output = new Output(child.terminal);
      child.terminal.write("stty -echo; PS1=; clear\r");
      child.terminal.write('echo "a $(tty) $(ps -o tty=,sid= -p $$) $0 $TERM $SSH_TTY $(stty size)" z\r');
      child.terminal.write('echo "b $(stat -c "%u %G %a" $(tty)) $(id -u) $(id -G)" z\r');
      child.terminal.write("ls /proc/$$/fd | tr '\\n' ' '; echo fds; exit 42\r");
      assertEquals(await child.exit, { code: 42 });
      await output.ended;
      const line = child.tty.replace("/dev/", "");
      const about = `a ${child.tty} ${line} +${child.pid} -bash xterm-256color ${child.tty} 50 132 z`;
      assertMatch(output.text, new RegExp(about));
      const groups = /b (\d+) tty 620 (\d+) ([\d ]+) z/.exec(output.text);
      assertEquals([groups?.[1], groups?.[2]], [String(user.uid), String(user.uid)]);
      assertEquals(new Set(groups?.[3]?.split(" ").map(Number)), new Set(user.groups));
      assertMatch(output.text, /(^|\n)0 1 2 255 fds/);
    }),
});

Deno.test({
  name: "without the stub setpriv does the same",
  ignore: !isRoot,
  fn: () =>
    withUser(async (user) => {
      const pty = openPty();
      const env = { ...loginEnvironment(user), TERM: "dumb" };
      const script = "id -u; id -G; grep CapEff /proc/self/status; tty; pwd; umask";
      const options = { user, path: "/bin/bash", argv: ["bash", "-c", script], env };
      const child = new ChildProcess(spawn(options, { tty: pty.tty }, "setpriv"));
      libc().close(pty.slave);
      const terminal = new TerminalStream(pty.master);
      child.exit.then(() => terminal.endAfterDrain());
      const output = new Output(terminal);
      assertEquals(await child.exit, { code: 0 });
      await output.ended;
      const [uid, groups, capabilities, ...rest] = output.text.trim().split("\r\n");
      assertEquals(uid, String(user.uid));
      assertEquals(new Set(groups?.split(" ").map(Number)), new Set(user.groups));
      assertMatch(capabilities ?? "", /^CapEff:\t0+$/);
      assertEquals(rest, [pty.tty, user.home, "0022"]);
    }),
});

Deno.test("without the stub a program of the same user is started directly", async () => {
  const pty = openPty();
  const script = 'echo "$0 $(pwd) $(umask) $A"; exit 9';
  const options = {
    user: me,
    path: "/bin/bash",
    argv: ["-bash", "-c", script],
    env: { A: "b" },
    cwd: "/nonexistent",
  };
  const child = new ChildProcess(spawn(options, { tty: pty.tty }, "setpriv"));
  libc().close(pty.slave);
  const terminal = new TerminalStream(pty.master);
  child.exit.then(() => terminal.endAfterDrain());
  const output = new Output(terminal);
  assertEquals(await child.exit, { code: 9 });
  await output.ended;
  assertMatch(output.text, /-bash \/ 0022 b\r\n$/);
});

Deno.test("a resize reaches the program", async () => {
  const script = `trap 'stty size; exit' WINCH; echo ready; while :; do read -t 0.05 x; done`;
  const { child, output } = startOnPty(me, script);
  await output.match(/ready/);
  child.resize(132, 50, 1000, 800);
  await output.match(/50 132/);
  await child.exit;
  await output.ended;
  child.resize(1, 1); // nothing to resize any more
});

Deno.test("^C interrupts", async () => {
  const { child, output } = startOnPty(me, "echo ready; exec sleep 1000");
  await output.match(/ready/);
  child.terminal.write("\x03");
  assertEquals(await child.exit, { signal: "INT", coreDumped: false });
});

Deno.test("echoIsOff is seen while a password is asked", async () => {
  const { child, output } = startOnPty(me, "stty -echo; echo ask; read x; stty echo; echo asked; read x");
  await output.match(/ask/);
  assertEquals(child.echoIsOff(), true);
  child.terminal.write("secret\r");
  await output.match(/asked/);
  assertEquals(child.echoIsOff(), false);
  child.terminal.write("\r");
  await output.ended;
  assertEquals(child.echoIsOff(), false);
  assertEquals(output.text.includes("secret"), false);
});

Deno.test("8 MiB pass a raw terminal unchanged, both ways at once", async () => {
  const size = 8 * 1024 * 1024;
  const { child, output } = startOnPty(me, `stty raw -echo; echo go; exec head -c ${size}`);
  await output.match(/go\n/);
  const data = randomBytes(size);
  const received = createHash("md5");
  let length = 0;
  child.terminal.removeAllListeners("data");
  child.terminal.on("data", (chunk: Uint8Array) => {
    received.update(chunk);
    length += chunk.length;
  });
  child.terminal.write(data);
  assertEquals(await child.exit, { code: 0 });
  assertEquals(child.terminal.writableLength, 0, "the program has read all that was typed");
  await output.ended;
  assertEquals(length, size);
  assertEquals(received.digest("hex"), createHash("md5").update(data).digest("hex"));
});

Deno.test("a stalled viewer stops the program instead of filling memory", async () => {
  const child = launchOnPty({
    user: me,
    path: "/bin/cat",
    argv: ["cat", "/dev/zero"],
    env: {},
    term: "xterm",
    cols: 80,
    rows: 24,
  });
  await new Promise((resolve) => child.terminal.once("readable", resolve));
  let asleep = 0;
  await until("the writer sleeps", () => (asleep = processState(child.pid) === "S" ? asleep + 1 : 0) > 5);
  assertEquals(child.terminal.readableLength <= 128 * 1024, true, String(child.terminal.readableLength));
  child.terminal.destroy();
  assertNotEquals(await child.exit, { code: 0 });
});

Deno.test("a stalled program holds the writer back", async () => {
  const { child, output } = startOnPty(me, "stty raw -echo; echo ready; exec sleep 1000");
  await output.match(/ready/);
  let taken = false;
  child.terminal.write(new Uint8Array(1 << 20), () => taken = true);
  assertEquals(child.terminal.write("x"), false);
  child.signal("KILL");
  assertEquals(await child.exit, { signal: "KILL", coreDumped: false });
  await output.ended;
  await until("the write is given back", () => taken);
});

Deno.test("the session ends with its program while a background job holds the terminal", async () => {
  const script = "trap '' HUP; (sleep 1000 & echo pid=$!; trap - HUP); printf 'last words'; exit 6";
  const { child, output } = startOnPty(me, script);
  assertEquals(await child.exit, { code: 6 });
  await output.ended;
  const sleeper = Number(/pid=(\d+)/.exec(output.text)?.[1]);
  assertMatch(output.text, /last words$/);
  assertEquals(isGone(sleeper), false);
  child.killSession();
  await until("the job is gone", () => isGone(sleeper));
});

Deno.test("killSession ends the shell and its background jobs", async () => {
  const script =
    "set -m; sleep 1000 & echo a=$!; nohup sleep 1000 & echo b=$!; trap '' HUP; echo ready; while :; do wait; done";
  const { child, output } = startOnPty(me, script);
  await output.match(/ready/);
  const jobs = ["a", "b"].map((name) => Number(new RegExp(`${name}=(\\d+)`).exec(output.text)?.[1]));
  assertEquals(jobs.map(isGone), [false, false]);
  child.killSession();
  assertEquals((await child.exit).signal, "KILL");
  for (const job of jobs) await until("the job is gone", () => isGone(job));
});

Deno.test("a program may leave its terminal and come back", async () => {
  const script = "exec </dev/null >/dev/null 2>&1; sleep 0.05; echo back >/dev/tty; read x </dev/tty; exit 8";
  const { child, output } = startOnPty(me, script, new Map([[53, 0]]));
  await output.match(/back/);
  child.terminal.write("\r");
  assertEquals(await child.exit, { code: 8 });
  await output.ended;
  assertEquals(output.text, "back\r\n");
});

Deno.test("a viewer who comes late gets everything", async () => {
  // The stream stops at 65,536, the kernel holds the rest.
  const script = "stty raw -echo; head -c 65536 /dev/zero; read x; head -c 3000 /dev/zero";
  const options = { user: me, path: "/bin/sh", argv: ["sh", "-c", script], env: loginEnvironment(me) };
  const child = launchOnPty({ ...options, term: "xterm", cols: 80, rows: 24 });
  await new Promise((resolve) => child.terminal.once("readable", resolve));
  await until("the stream is full", () => child.terminal.readableLength === 65_536);
  child.terminal.write("\n");
  assertEquals(await child.exit, { code: 0 });
  const output = new Output(child.terminal);
  await output.ended;
  assertEquals(output.text.length, 68_536);
});

Deno.test("destroying the terminal hangs it up", async () => {
  const { child, output } = startOnPty(me, "echo ready; exec sleep 1000");
  await output.match(/ready/);
  child.terminal.destroy();
  assertEquals((await child.exit).signal, "HUP");
});

Deno.test("100 terminals echo at once and leave nothing open", async () => {
  await startOnPty(me, "true").output.ended; // what is opened once is open now
  const before = openDescriptors();
  const sessions = Array.from({ length: 100 }, () => startOnPty(me, "exec cat"));
  sessions.forEach(({ child }, index) => child.terminal.write(`line ${index}.\r`));
  await Promise.all(
    sessions.map(({ output }, index) => output.match(new RegExp(`line ${index}\\.\r\nline ${index}\\.`))),
  );
  for (const { child } of sessions) child.terminal.write("\x04");
  const exits = await Promise.all(sessions.map(({ child }) => child.exit));
  assertEquals(exits.every(({ code }) => code === 0), true);
  await Promise.all(sessions.map(({ output }) => output.ended));
  assertEquals(openDescriptors(), before);
});
