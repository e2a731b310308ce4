import { assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { systemClock } from "../base/clock.ts";
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
    { name: "missing", command: ["/no/such/program"], periodMs: 60_000 },
  ];
  const labels = new Labels({}, commands, systemClock, () => {});
  await labels.start();
  labels.stop();
  assertEquals(labels.current(), {
    echo: "it's $HOME",
    false: "the command failed with exit status 1",
    missing: "the command failed with exit status 127",
  });
});
