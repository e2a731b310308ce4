import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect, type Socket } from "node:net";
import { type AuthLogin, loginToAuth, openApi } from "../../src/api/connection.ts";
import { systemClock } from "../../src/base/clock.ts";
import { AppError } from "../../src/base/errors.ts";
import { parseCertificateLine } from "../../src/ssh/certificate.ts";
import { connectSsh } from "../../src/ssh/client.ts";
import { parsePrivateKey } from "../../src/ssh/private_key.ts";
import { parsePublicKeyLine } from "../../src/ssh/public_key.ts";
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

/** A TCP connection from an address of one's own choice. */
function dialFrom(localAddress: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress }, () => resolve(socket));
    socket.once("error", reject);
  });
}

Deno.test("auth sees where a caller behind the proxy really is, and believes only a proxy's word for it", async () => {
  const ann = await cluster.user("ann", [LOGIN]);
  await ann.loginOk();
  const known = await Deno.readTextFile(`${ann.options.home}/.tsh/known_hosts`);
  const login: AuthLogin = {
    username: "ann",
    credential: {
      key: parsePrivateKey(await Deno.readTextFile(ann.keyFile)),
      certificate: parseCertificateLine(await Deno.readTextFile(`${ann.keyFile}-cert.pub`)),
    },
    trust: { cluster: "main", host: [parsePublicKeyLine(known.trim().split(" ").slice(2).join(" ")).key] },
  };
  const { auth, proxySsh } = await cluster.addresses();
  const proxy = await connectSsh({
    stream: await dialFrom("127.0.0.77", proxySsh?.port ?? 0),
    username: LOGIN,
    credential: login.credential,
    verifyHost: () => {},
  });
  const pipe = await proxy.subsystem("proxy:@main");
  const api = await openApi(await loginToAuth(pipe.stream, login, systemClock));
  await assertRejects(() => api.call("users.list", {}), AppError, "may not call users.list");
  const denied = await cluster.event("auth", ({ error }) => error === "may not call users.list");
  assertEquals([denied.user, denied["addr.remote"]], ["ann", "127.0.0.77"]);
  proxy.close();

  const forged = await dialFrom("127.0.0.78", auth?.port ?? 0);
  forged.write(`Teleport-Proxy{"client":{"address":"10.0.0.1","port":1},"time":${Date.now()}}\0`);
  await assertRejects(() => loginToAuth(forged, login, systemClock), AppError);
  forged.destroy();
  assertEquals((await cluster.events()).some((event) => event["addr.remote"] === "10.0.0.1"), false);
});
