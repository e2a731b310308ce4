import { createHash } from "node:crypto";
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { launchPiped } from "./launch.ts";
import {
  isGone,
  isRoot,
  openDescriptors,
  Output,
  processState,
  runPiped,
  until,
  withUser,
} from "./test_kit.ts";
import { currentUser, lookupUser } from "./user.ts";

const me = currentUser();

Deno.test({
  name: "a program runs as its user, with all groups and no capabilities",
  ignore: !isRoot,
  fn: () =>
    withUser(async (user) => {
      const script =
        "id -u; id -g; id -G; grep Cap /proc/self/status; ls /proc/self/fd | tr '\\n' ' '; pwd; umask";
      const { exit, stdout } = await runPiped(user, script);
      const [uid, gid, groups, ...rest] = stdout.trim().split("\n");
      assertEquals([uid, gid, exit], [String(user.uid), String(user.gid), { code: 0 }]);
      assertEquals(new Set(groups?.split(" ").map(Number)), new Set(user.groups));
      assertMatch(rest.join("\n"), /CapPrm:\t0+\nCapEff:\t0+\n/);
      // 3 is what ls reads the directory with
      assertMatch(rest.join("\n"), new RegExp(`\n0 1 2 3 ${user.home}\n0022$`));
    }),
});

Deno.test("exit codes, signals and standard error arrive apart", async () => {
  const { exit, stdout, stderr } = await runPiped(me, "echo out; echo err >&2; exit 42");
  assertEquals([exit, stdout, stderr], [{ code: 42 }, "out\n", "err\n"]);
  const killed = await runPiped(me, "kill -USR1 $$");
  assertEquals(killed.exit, { signal: "USR1", coreDumped: false });
});

Deno.test("signal reaches the process group; unknown names do nothing", async () => {
  const child = launchPiped({ user: me, path: "/bin/sleep", argv: ["sleep", "1000"], env: {} });
  child.signal("NOSUCH");
  child.signal("TERM");
  assertEquals(await child.exit, { signal: "TERM", coreDumped: false });
  child.signal("KILL");
});

Deno.test("the end of stdin reaches the program", async () => {
  const child = launchPiped({ user: me, path: "/bin/cat", argv: ["cat"], env: {} });
  const output = new Output(child.stdout);
  child.stderr.resume();
  child.stdin.end("all of it");
  assertEquals(await child.exit, { code: 0 });
  await output.ended;
  assertEquals(output.text, "all of it");
});

Deno.test("a program that closes its stdin does not break the writer", async () => {
  const child = launchPiped({
    user: me,
    path: "/bin/sh",
    argv: ["sh", "-c", "exec <&-; echo closed; read x <&2"],
    env: {},
  });
  child.stderr.destroy();
  const output = new Output(child.stdout);
  await output.match(/closed/);
  await new Promise((resolve) => child.stdin.write(new Uint8Array(1 << 20), resolve));
  child.stdin.end();
  await child.exit;
});

Deno.test("200 MB pass both ways unchanged", async () => {
  const child = launchPiped({ user: me, path: "/bin/cat", argv: ["cat"], env: {} });
  child.stderr.resume();
  const sent = createHash("md5"), received = createHash("md5");
  let length = 0;
  child.stdout.on("data", (chunk: Uint8Array) => {
    received.update(chunk);
    length += chunk.length;
  });
  const ended = new Promise((resolve) => child.stdout.once("end", resolve));
  for (let round = 0; round < 200; round++) {
    const block = new Uint8Array(1_000_000);
    crypto.getRandomValues(block.subarray(0, 65536));
    sent.update(block);
    if (!child.stdin.write(block)) await new Promise((resolve) => child.stdin.once("drain", resolve));
  }
  child.stdin.end();
  await ended;
  assertEquals(length, 200_000_000);
  assertEquals(received.digest("hex"), sent.digest("hex"));
  assertEquals(await child.exit, { code: 0 });
});

Deno.test("a stalled reader stops the program instead of filling memory", async () => {
  const child = launchPiped({ user: me, path: "/bin/cat", argv: ["cat", "/dev/zero"], env: {} });
  child.stderr.resume();
  await new Promise((resolve) => child.stdout.once("readable", resolve));
  let asleep = 0;
  await until("the writer sleeps", () => (asleep = processState(child.pid) === "S" ? asleep + 1 : 0) > 5);
  assertEquals(child.stdout.readableLength <= 512 * 1024, true, String(child.stdout.readableLength));
  child.stdout.destroy();
  assertEquals((await child.exit).signal, "PIPE");
});

Deno.test("the exit is told although a background process holds the pipes", async () => {
  const child = launchPiped({
    user: me,
    path: "/bin/sh",
    argv: ["sh", "-c", "sleep 1000 & echo $!; exit 7"],
    env: {},
  });
  const output = new Output(child.stdout);
  child.stderr.resume();
  assertEquals(await child.exit, { code: 7 });
  const sleeper = Number((await output.match(/\d+/))[0]);
  assertEquals(isGone(sleeper), false);
  child.killSession();
  await output.ended;
});

Deno.test("a program that does not exist gives 127 and says so", async () => {
  const child = launchPiped({ user: me, path: "/nonexistent/shell", argv: ["-shell"], env: {} });
  const output = new Output(child.stderr);
  child.stdout.resume();
  assertEquals(await child.exit, { code: 127 });
  await output.ended;
  assertStringIncludes(output.text, "/nonexistent/shell: cannot be run");
});

Deno.test({
  name: "a user that cannot be become gives 126 and runs nothing",
  ignore: !isRoot,
  async fn() {
    const groups = Array.from({ length: 70_000 }, (_, index) => index); // the kernel takes 65,536
    const { exit, stdout, stderr } = await runPiped({ ...me, uid: 12345, gid: 12345, groups }, "echo ran");
    assertEquals([exit, stdout], [{ code: 126 }, ""]);
    assertStringIncludes(stderr, "cannot become the user");
  },
});

Deno.test("a missing home is no obstacle", async () => {
  const { stdout } = await runPiped({ ...me, home: "/nonexistent" }, "pwd");
  assertEquals(stdout, "/\n");
});

Deno.test("NUL bytes and odd variables are refused and nothing stays open", async () => {
  await runPiped(me, "true"); // what is opened once is open now
  const before = openDescriptors();
  const good = { user: me, path: "/bin/true", argv: ["true"], env: {} };
  assertThrows(() => launchPiped({ ...good, argv: ["a\0b"] }), AppError, "NUL");
  assertThrows(() => launchPiped({ ...good, env: { A: "x\0" } }), AppError, "NUL");
  assertThrows(() => launchPiped({ ...good, env: { "A=B": "x" } }), AppError, "environment variable");
  assertThrows(() => launchPiped({ ...good, path: "true" }), AppError, "absolute");
  assertThrows(() => launchPiped({ ...good, path: "/bin/true\0" }), AppError, "NUL");
  assertThrows(() => launchPiped({ ...good, argv: [] }), AppError, "first argument");
  const huge = { ...good, argv: ["true", "x".repeat(200 * 1024)] };
  assertThrows(() => launchPiped(huge), AppError, "cannot start /bin/true");
  await until("descriptors are closed", () => openDescriptors() === before);
});

Deno.test({
  name: "only root becomes somebody else",
  ignore: isRoot,
  fn() {
    const root = lookupUser("root");
    if (root === undefined) throw new AppError("not_found", "no root");
    assertThrows(
      () => launchPiped({ user: root, path: "/bin/true", argv: ["true"], env: {} }),
      AppError,
      "run it as root",
    );
  },
});
