import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");

Deno.test("a user signs up, logs in, lists nodes, runs a command and opens a recorded shell", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", [LOGIN]);
  const login = await joe.loginOk();
  assertStringIncludes(login.stdout, "Logged in as: joe");
  assertMatch((await joe.tsh(["ls"])).stdout, /alpha +[0-9a-f-]{36} +127\.0\.0\.1:\d+/);

  const command = await joe.tsh(["ssh", `${LOGIN}@alpha`, "id -un; echo problem >&2; exit 7"]);
  assertEquals(command.stdout, `${LOGIN}\n`);
  assertStringIncludes(command.stderr, "problem");
  assertEquals(command.code, 7);

  const stock = await joe.ssh(`${LOGIN}@alpha`, "echo through stock ssh");
  assertEquals(stock.stderr, "");
  assertEquals(stock.stdout, "through stock ssh\n");

  const shell = await joe.tsh(["ssh", "-t", `${LOGIN}@alpha`, "echo to the terminal; exit 3"]);
  assertEquals(shell.code, 3);
  const end = await daemon.event("session.end");
  assertEquals(end.exitCode, 3);
  const played = await joe.tsh(["play", "--raw", String(end.sid)]);
  assertEquals(played.stdout, "to the terminal\r\n");
  for (const name of ["session.start", "session.leave", "session.end"]) {
    const event = await daemon.event(name);
    assertEquals([event.user, event.login, event.namespace, event.sid], ["joe", LOGIN, "default", end.sid]);
    assertMatch(String(event.server_id), /^[0-9a-f-]{36}$/);
    assertMatch(String(event["addr.local"]), /^127\.0\.0\.1:\d+$/);
    assertMatch(String(event["addr.remote"]), /^127\.0\.0\.1:\d+$/);
    assertMatch(String(event.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  }
  assertEquals((await daemon.event("session.start")).size, "80:24");
  assertEquals((await daemon.event("exec", (event) => event.exitCode === 7)).user, "joe");
});
