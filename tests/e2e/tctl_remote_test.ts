import { assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { ResourceDesk } from "../kit/resources.ts";
import { runProgram } from "../kit/run.ts";

let cluster: Daemon;
let desk: ResourceDesk;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  await cluster.user("joe", [LOGIN]);
  desk = await ResourceDesk.open(cluster);
});

Deno.test.afterAll(() => cluster.stop());

Deno.test("from another machine tctl goes through the proxy with a tsh login or an identity file, with the user's rights", async () => {
  await cluster.tctlOk(
    "create",
    await desk.file(
      "operator.yaml",
      [
        "kind: role\nversion: v3",
        "metadata: {name: operator}",
        "spec:",
        "  allow:",
        "    logins: ['{{internal.logins}}']",
        "    node_labels: {'*': '*'}",
        "    rules:",
        "    - {resources: [user], verbs: [list, readnosecrets, update]}",
        "    - {resources: [token], verbs: ['*']}\n",
      ].join("\n"),
    ),
  );
  const text = await cluster.tctlOk("users", "add", "olga", LOGIN, "--roles=operator", "--format=json");
  const olga = await cluster.signUp("olga", JSON.parse(text).url);
  const home = olga.options.home;
  const far = (args: string[]) => runProgram("tctl", args, { env: { HOME: home, USER: "olga" } });

  const without = await far(["get", "users"]);
  assertEquals(without.code, 1);
  assertStringIncludes(without.stderr, "tctl must be used on the auth server");
  assertStringIncludes(without.stderr, "tsh login --proxy=HOST");

  await olga.loginOk();
  const users = await far(["get", "users"]);
  assertEquals(users.code, 0, users.stderr);
  assertStringIncludes(users.stdout, "name: joe");
  assertEquals((await far(["users", "lock", "joe"])).code, 0);
  assertEquals((await far(["users", "unlock", "joe"])).code, 0);
  const token = await far(["tokens", "add", "--type=node", "--format=json"]);
  assertEquals(token.code, 0, token.stderr);
  await cluster.event("user.lock", ({ user, by }) => user === "joe" && by === "olga");

  for (
    const args of [["get", "users", "--with-secrets"], ["rm", "user/joe"], ["get", "cas", "--with-secrets"]]
  ) {
    const denied = await far(args);
    assertEquals([denied.code, denied.stdout], [1, ""], args.join(" "));
    assertStringIncludes(denied.stderr, "olga may not");
  }
  const self = await desk.file("self.yaml", "kind: role\nversion: v3\nmetadata: {name: root}\nspec: {}\n");
  assertStringIncludes((await far(["create", self])).stderr, "olga may not create a role");
  await cluster.event(
    "auth",
    ({ user, error }) => user === "olga" && String(error).includes("may not create a role"),
  );

  const identity = `${desk.folder}/olga.identity`;
  await olga.loginOk([`--out=${identity}`]);
  const { proxySsh } = await cluster.addresses();
  const proxy = `${olga.options.proxy},${proxySsh?.port}`;
  const elsewhere = (args: string[]) => runProgram("tctl", args, { env: { HOME: `${desk.folder}/nowhere` } });
  const byFile = await elsewhere([`--identity=${identity}`, `--proxy=${proxy}`, "get", "user/joe"]);
  assertEquals(byFile.code, 0, byFile.stderr);
  assertStringIncludes(byFile.stdout, "name: joe");
  assertStringIncludes((await elsewhere([`--identity=${identity}`, "status"])).stderr, "also name the proxy");
  assertStringIncludes((await elsewhere([`--proxy=${proxy}`, "status"])).stderr, "there is no valid login");
});
