import { assertEquals, assertNotMatch } from "@std/assert";
import { connectAsHost } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { eventually } from "../kit/run.ts";
import { VERSION } from "../../src/model/version.ts";

/** This build's version, so many minor and patch versions on. */
function later(minor: number, patch: number): string {
  const [major = 0, own = 0, fix = 0] = VERSION.split(/[.-]/).map(Number);
  return [major, own + minor, fix + patch].join(".");
}

Deno.test("members of other patch and neighbouring minor versions work with auth, further ones are warned of once", async () => {
  await using cluster = await Daemon.start({ teleport: { log: { severity: "WARN" } } });
  using host = await connectAsHost(cluster, "node");
  const announce = (version: string) =>
    host.api.call("servers.announce", {
      role: "node",
      name: "alpha",
      address: "127.0.0.1:3022",
      labels: {},
      version,
    });
  for (const version of [later(0, 2), later(1, 0)]) await announce(version);
  assertNotMatch(cluster.stderr, /runs version/);
  for (let time = 0; time < 2; time++) await announce(later(2, 0));
  const warning =
    /the node alpha \([0-9a-f-]{36}\) runs version \S+: only neighbouring minor versions work with/g;
  await eventually("the warning", () => cluster.stderr.match(warning) ?? undefined);
  await announce(later(2, 0));
  assertEquals(cluster.stderr.match(warning)?.length, 1);
});
