import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { eventually } from "../../tests/kit/run.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { Labels } from "./labels.ts";

Deno.test("a command's output becomes a label and is read again at its period", async () => {
  const clock = new FakeClock();
  let output = "x86_64\n";
  let changes = 0;
  const commands = [{ name: "arch", command: ["uname", "-m"], periodMs: 60_000 }];
  const labels = new Labels(
    { role: "master" },
    commands,
    clock,
    () => changes++,
    () => Promise.resolve(output),
  );
  await labels.start();
  assertEquals(labels.current(), { role: "master", arch: "x86_64" });
  output = "arm64\n";
  await clock.advance(60_000);
  assertEquals(labels.current(), { role: "master", arch: "arm64" });
  assertEquals(changes, 2);
  labels.stop();
});

Deno.test("a failing command's message is the label's value, without control characters", async () => {
  const commands = [{ name: "bad", command: ["x"], periodMs: 60_000 }];
  const labels = new Labels(
    {},
    commands,
    systemClock,
    () => {},
    () => Promise.reject(new Error("no\x1b such")),
  );
  await labels.start();
  assertEquals(labels.current(), { bad: "no  such" });
  labels.stop();
});

Deno.test("real commands run: output, exit status, missing program", async () => {
  const commands = [
    { name: "echo", command: ["echo", "it's $HOME"], periodMs: 60_000 },
    { name: "false", command: ["false"], periodMs: 60_000 },
    { name: "says", command: ["sh", "-c", "echo half; echo no such disk >&2; exit 3"], periodMs: 60_000 },
    { name: "missing", command: ["/no/such/program"], periodMs: 60_000 },
  ];
  const labels = new Labels({}, commands, systemClock, () => {});
  await labels.start();
  labels.stop();
  const { missing = "", ...others } = labels.current();
  assertEquals(others, {
    echo: "it's $HOME",
    false: "the command failed with exit status 1",
    says: "the command failed with exit status 3: no such disk",
  });
  assertStringIncludes(missing, "the command failed with exit status 127");
});

Deno.test("a command's output is bounded, and holds nothing that a terminal would obey", async () => {
  const commands = [
    { name: "much", command: ["sh", "-c", "yes | head -c 1000000"], periodMs: 60_000 },
    { name: "tricks", command: ["printf", "a\\033[2Jb\\n\\342\\200\\256c"], periodMs: 60_000 },
    { name: "commas", command: ["echo", "up 1 hour, 15 minutes"], periodMs: 60_000 },
  ];
  const labels = new Labels({}, commands, systemClock, () => {});
  await labels.start();
  labels.stop();
  const { much = "", tricks, commas } = labels.current();
  assertEquals([much.length, tricks, commas], [512, "a [2Jb  c", "up 1 hour, 15 minutes"]);
});

/** A clock whose timers go off at once when they are so long. */
function impatient(patienceMs: number): Clock {
  return {
    now: () => systemClock.now(),
    after: (ms, run) => systemClock.after(ms >= patienceMs ? 50 : ms, run),
  };
}

Deno.test("a command that hangs is ended with everything it started", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const script = `sh -c 'echo $$ > ${folder}/inner; exec sleep 600' & sleep 600`;
    const commands = [{ name: "hangs", command: ["sh", "-c", script], periodMs: 60_000 }];
    const labels = new Labels({}, commands, impatient(10_000), () => {});
    const started = labels.start();
    const inner = Number(await eventually("the inner process", () => textOf(`${folder}/inner`)));
    await started;
    labels.stop();
    assertEquals(labels.current(), { hangs: "the command did not end within 10s" });
    await eventually("the inner process to end", () => runs(inner) ? undefined : true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what a command leaves in the background is ended, and stopping ends the command", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const left = ["sh", "-c", `sleep 600 & echo $! > ${folder}/left; echo done`];
    const labels = new Labels({}, [{ name: "left", command: left, periodMs: 60_000 }], systemClock, () => {});
    await labels.start();
    assertEquals(labels.current(), { left: "done" });
    const pid = Number(await Deno.readTextFile(`${folder}/left`));
    await eventually("the background process to end", () => runs(pid) ? undefined : true);
    labels.stop();
    const long = ["sh", "-c", `echo $$ > ${folder}/long; exec sleep 600`];
    const other = new Labels({}, [{ name: "long", command: long, periodMs: 60_000 }], systemClock, () => {});
    const started = other.start();
    const running = Number(await eventually("the command", () => textOf(`${folder}/long`)));
    other.stop();
    await started;
    assertEquals([runs(running), other.current()], [false, {}]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("of a label's command at most one runs", async () => {
  const clock = new FakeClock();
  let running = 0, most = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  let runs = 0;
  const run = async () => {
    most = Math.max(most, ++running);
    const value = runs++ === 0 ? "first" : await promise;
    running--;
    return value;
  };
  const labels = new Labels({}, [{ name: "slow", command: ["x"], periodMs: 1000 }], clock, () => {}, run);
  await labels.start();
  await clock.advance(10_000);
  assertEquals([runs, running, most], [2, 1, 1]);
  resolve("later");
  await clock.advance(1000);
  assertEquals(most, 1);
  labels.stop();
});

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a process is there and no zombie. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
