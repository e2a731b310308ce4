import { assertEquals, assertNotMatch } from "@std/assert";
import { connectAsHost } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { later, otherVersion, versionAt } from "../kit/other_version.ts";
import { eventually } from "../kit/run.ts";
import { pair, seenStatus, startEast, startMain } from "../kit/trusted_clusters.ts";

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

Deno.test("the main cluster is upgraded first, and the cluster that trusts it later: its nodes are reached all the while", async () => {
  const temporary = () => Deno.makeTempDir({ prefix: "teleport-test-" });
  const [sources, mainDirectory, eastDirectory] = [await temporary(), await temporary(), await temporary()];
  const executable = await otherVersion(later(1, 0), sources);
  const at = () => `127.0.0.1:${freePort()}`;
  const web = at();
  const main = {
    directory: mainDirectory,
    auth: { listen_addr: at() },
    proxy: { listen_addr: at(), web_listen_addr: web, public_addr: web, tunnel_listen_addr: at() },
  };
  const east = { directory: eastDirectory };
  let [upper, lower] = await Promise.all([startMain(main), startEast(east)]);
  const versions = () =>
    Promise.all(
      [upper, lower].map(async (daemon) => await versionAt((await daemon.addresses()).proxyWeb?.port)),
    );
  try {
    await pair(upper, lower);
    const joe = await upper.user("joe", [LOGIN]);
    await joe.loginOk();
    const reached = async () => {
      await eventually("east's node to be reached", async () => {
        const { stdout } = await joe.tsh(["--cluster=east", "ssh", `${LOGIN}@db1`, "echo there"]);
        return stdout === "there\n" || undefined;
      }, 40_000);
      assertEquals(await seenStatus(joe, "east"), "online");
    };
    await reached();

    await upper.stop();
    upper = await startMain({ ...main, executable });
    assertEquals(await versions(), [later(1, 0), later(0, 0)]);
    await reached();

    await lower.stop();
    lower = await startEast({ ...east, executable });
    assertEquals(await versions(), [later(1, 0), later(1, 0)]);
    await reached();
  } finally {
    await Promise.all([upper.stop(), lower.stop()]);
    for (const directory of [sources, mainDirectory, eastDirectory]) {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
