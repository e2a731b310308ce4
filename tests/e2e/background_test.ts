import { assertEquals } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { eventually, run } from "../kit/run.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");

Deno.test("what a command leaves in the background lives on after its session, as with sshd", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const command = "nohup sleep 7331 >/dev/null 2>&1 </dev/null & echo $!";
  for (
    const args of [["ssh", `${LOGIN}@alpha`, command], ["ssh", "-t", `${LOGIN}@alpha`, `setsid ${command}`]]
  ) {
    const started = await joe.tsh(args);
    assertEquals(started.code, 0, started.stderr);
    const pid = /\d+/.exec(started.stdout)?.[0] ?? "";
    await daemon.event(args[1] === "-t" ? "session.end" : "exec");
    assertEquals((await run("kill", ["-0", pid])).code, 0, "the background process is gone");
    await run("kill", [pid]);
    await eventually("it to end", async () => (await run("kill", ["-0", pid])).code !== 0);
  }
});
