import { assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";

Deno.test("--cluster may stand before or after the command, and an unknown cluster is named", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  await joe.loginOk();
  for (const args of [["--cluster=main", "ls"], ["ls", "--cluster", "main"]]) {
    assertStringIncludes((await joe.tsh(args)).stdout, "alpha");
  }
  const unknown = await joe.tsh(["--cluster=nowhere", "ls"]);
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, 'cluster "nowhere" is not known');
  assertStringIncludes((await joe.tsh(["login", "joe"])).stdout, "Logged in as: joe");
});
