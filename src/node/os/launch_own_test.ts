import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { launchOwn } from "./launch.ts";
import { openDescriptors, Output, until } from "./test_kit.ts";

const encoder = new TextEncoder();

function start(script: string, plan = "the plan") {
  const program = { path: "/bin/sh", argv: ["sh", "-c", script], env: { ONLY: "this" } };
  const child = launchOwn(program, encoder.encode(plan));
  return {
    child,
    stdout: new Output(child.stdout),
    stderr: new Output(child.stderr),
    reports: new Output(child.reports),
  };
}

Deno.test("a program of ours gets its plan, a pipe for reports, a clean environment, and nothing else", async () => {
  const script =
    "cat </proc/self/fd/4; env | sort; pwd; echo report >&3; echo error >&2; cat; ls -m /proc/$$/fd";
  const { child, stdout, stderr, reports } = start(script);
  child.stdin.end("input\n");
  assertEquals(await child.exit, { code: 0 });
  await Promise.all([stdout.ended, stderr.ended, reports.ended]);
  const [environment = "", ...rest] = stdout.text.split("\n/\n");
  assertEquals(stdout.text.startsWith("the planONLY=this\n"), true, stdout.text);
  assertEquals(
    environment.split("\n").filter((line) => !/^(?:the planONLY=|PWD=|_=|OLDPWD=|SHLVL=)/.test(line)),
    [],
  );
  assertEquals(rest.join(), "input\n0, 1, 2, 3, 4\n");
  assertEquals([stderr.text, reports.text], ["error\n", "report\n"]);
});

Deno.test("a long plan is read whole, without anybody writing it", async () => {
  const plan = "x".repeat(3_000_000);
  const { child, stdout } = start("wc -c </proc/self/fd/4", plan);
  await child.exit;
  await stdout.ended;
  assertEquals(stdout.text.trim(), "3000000");
});

Deno.test("nothing stays open of a program that cannot be started, or that has ended", async () => {
  const { child, stdout, stderr, reports } = start("exit 3");
  assertEquals(await child.exit, { code: 3 });
  await Promise.all([stdout.ended, stderr.ended, reports.ended]);
  const before = openDescriptors();
  const missing = { path: "/nonexistent/program", argv: ["program"], env: {} };
  assertThrows(() => launchOwn(missing, encoder.encode("")), AppError, "cannot start /nonexistent/program");
  await until("descriptors are closed", () => openDescriptors() <= before);
});
