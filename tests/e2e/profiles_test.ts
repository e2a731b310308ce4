import { assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { PASSWORD } from "../kit/user.ts";

Deno.test("logins to two clusters that know nothing of each other are both kept, and --proxy picks one", async () => {
  await using main = await Daemon.start({ clusterName: "main", nodename: "node-of-main" });
  await using east = await Daemon.start({ clusterName: "east", nodename: "node-of-east" });
  const [joe, other] = [await main.user("joe", [LOGIN]), await east.user("joe", [LOGIN])];
  const { proxySsh, proxyWeb } = await east.addresses();
  const toMain = `--proxy=127.0.0.1`;
  const toEast = `--proxy=localhost:${proxyWeb?.port},${proxySsh?.port}`;
  await joe.loginOk();
  const login = await joe.tsh([toEast, "--insecure", "--user=joe", "login"], {
    stdin: `${PASSWORD}\n${await other.authenticator.code()}\n`,
  });
  assertEquals(login.code, 0, login.stderr);

  const { stdout } = await joe.tsh(["status"]);
  assertStringIncludes(stdout, "Cluster:      east");
  assertStringIncludes(stdout, "Cluster:      main");
  const nodes = async (proxy: string) => {
    const { stdout, stderr } = await joe.tsh([proxy, "ls", "--format=json"]);
    return stdout === "" ? stderr : JSON.parse(stdout).map(({ name }: { name: string }) => name);
  };
  assertEquals(await nodes(toMain), ["node-of-main"]);
  assertEquals(await nodes(toEast), ["node-of-east"]);
  const wrong = await joe.tsh([toMain, "ssh", `${LOGIN}@node-of-east`, "true"]);
  assertEquals(wrong.code, 1);
  assertEquals((await joe.tsh([toEast, "ssh", `${LOGIN}@node-of-east`, "echo east"])).stdout, "east\n");
});
