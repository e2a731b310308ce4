/**
 * tsh's manners: behind an HTTP proxy, with a cluster that wants a newer client, and with the words of old scripts.
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createServer } from "node:https";
import { Daemon } from "../kit/cluster.ts";
import { LoggingProxy } from "../kit/connect_proxy.ts";
import { LOGIN } from "../kit/machine.ts";
import { runProgram } from "../kit/run.ts";
import { pairFor } from "../kit/tls_pair.ts";
import { PASSWORD, type User } from "../kit/user.ts";
import { VERSION } from "../../src/model/version.ts";

let cluster: Daemon;
let joe: User;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  joe = await cluster.user("joe", [LOGIN]);
  await joe.loginOk();
});
Deno.test.afterAll(() => cluster.stop());

/** Where tsh must go: web and SSH of the proxy. */
const targets = () => ({ web: joe.options.proxy, ssh: `127.0.0.1:${joe.options.sshPort}` });

Deno.test("tsh goes through the HTTP proxy of the environment, for HTTPS and for SSH", async (t) => {
  await using proxy = await LoggingProxy.start();
  const { web, ssh } = targets();
  const bare = `localhost:${proxy.port}`;

  await t.step("login and ssh, by HTTPS_PROXY", async () => {
    const ann = await cluster.user("ann", [LOGIN]);
    await ann.loginOk([], { HTTPS_PROXY: proxy.url });
    assertEquals([...new Set(proxy.asked)], [web, ssh]); // over SSH it asks for the other clusters
    proxy.asked.length = 0;
    const { code, stdout } = await ann.tsh(["ssh", `${LOGIN}@alpha`, "echo through"], {
      env: { HTTPS_PROXY: proxy.url },
    });
    assertEquals([code, stdout], [0, "through\n"]);
    assertEquals(proxy.asked, [ssh]);
  });

  await t.step("by HTTP_PROXY alone, and with a bare host:port", async () => {
    const variables = [["HTTP_PROXY", proxy.url], ["HTTPS_PROXY", bare], ["http_proxy", bare]] as const;
    for (const [name, value] of variables) {
      proxy.asked.length = 0;
      assertEquals((await joe.tsh(["ls"], { env: { [name]: value } })).code, 0);
      assertEquals(proxy.asked, [ssh]);
    }
  });

  await t.step("and not what NO_PROXY names", async () => {
    proxy.asked.length = 0;
    const env = { HTTPS_PROXY: proxy.url, NO_PROXY: "example.com,127.0.0.0/8" };
    assertEquals((await joe.tsh(["ls"], { env })).code, 0);
    assertEquals(proxy.asked, []);
  });

  await t.step(
    "a proxy that is away, or a variable that is none, is an error and no way around",
    async () => {
      const away = await joe.tsh(["ls"], { env: { HTTPS_PROXY: "http://127.0.0.1:1" } });
      assertEquals(away.code, 1);
      assertMatch(
        away.stderr,
        /^error: cannot reach the proxy 127\.0\.0\.1: cannot connect to 127\.0\.0\.1:1: .*HTTP proxy/m,
      );
      const wrong = await joe.tsh(["ls"], { env: { HTTPS_PROXY: "socks5://secret@127.0.0.1:1" } });
      assertEquals(wrong.code, 1);
      assertMatch(wrong.stderr, /^error: HTTPS_PROXY .*write it as http:\/\/host:port/m);
      assert(!wrong.stderr.includes("secret"));
    },
  );
});

Deno.test("a proxy that is spoken to by TLS is verified, and used when it is what it says", async () => {
  const pair = await pairFor("localhost");
  await using proxy = await LoggingProxy.start({ tls: pair, login: "joe:secret" });
  const ca = `${cluster.directory}/proxy-ca.pem`;
  await Deno.writeTextFile(ca, pair.cert);
  const env = { HTTPS_PROXY: proxy.url };
  const trusted = await joe.tsh(["ls"], { env: { ...env, DENO_CERT: ca } });
  assertEquals([trusted.code, trusted.stderr], [0, ""]);
  assertEquals(proxy.asked, [targets().ssh]);
  const stranger = await joe.tsh(["ls"], { env });
  assertEquals(stranger.code, 1);
  assertMatch(
    stranger.stderr,
    /^error: cannot reach the proxy 127\.0\.0\.1: no TLS with the HTTP proxy localhost:\d+: /m,
  );
});

Deno.test("a tsh that is too old for the cluster is refused with both versions, unless told to go on", async () => {
  const ping = {
    auth: { type: "local", second_factor: "off" },
    proxy: { ssh: { listen_addr: "127.0.0.1:1", public_addr: "127.0.0.1:1" } },
    cluster_name: "newer",
    server_version: "99.1.0",
    min_client_version: "99.0.0",
  };
  const asked: string[] = [];
  const server = createServer(await pairFor("localhost"), (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === "/webapi/ping") return void response.end(JSON.stringify(ping));
    response.writeHead(403).end(JSON.stringify({ message: "so it went on" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const home = await Deno.makeTempDir({ prefix: "teleport-old-" });
  const login = (...more: string[]) =>
    runProgram("tsh", ["login", `--proxy=localhost:${port}`, "--user=joe", "--insecure", ...more], {
      env: { HOME: home },
      stdin: `${PASSWORD}\n`,
    });
  const refused = await login();
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, `this tsh ${VERSION} is too old for the cluster, which needs 99.0.0`);
  assertEquals(asked, ["GET /webapi/ping"]);
  const forced = await login("--skip-version-check");
  assertStringIncludes(forced.stderr, "so it went on");
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await Deno.remove(home, { recursive: true });
});

Deno.test("tsh login joe logs joe in; a name that can be neither user nor cluster is an error", async () => {
  const bob = await cluster.user("bob", [LOGIN]);
  const proxy = `--proxy=${bob.options.proxy}`;
  const answers = { stdin: `${PASSWORD}\n${await bob.authenticator.code()}\n`, env: { USER: "somebody" } };
  const login = await bob.tsh([proxy, "--insecure", "login", "bob"], answers);
  assertEquals(login.code, 0, login.stderr);
  assertStringIncludes(login.stderr, "Enter password for Teleport user bob:");
  assertMatch(login.stdout, /Logged in as: bob/);
  for (const known of ["bob", "main"]) {
    const again = await bob.tsh([proxy, "login", known]);
    assertEquals([again.code, again.stderr], [0, ""], known);
  }
  const wrong = await bob.tsh([proxy, "--insecure", "--user=bob", "login", "east"]);
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /^error: "east" is no cluster .* the user is bob/m);
});

Deno.test("tsh login --out writes the identity and nothing else, in either format", async () => {
  const cid = await cluster.user("cid", [LOGIN]);
  const file = `${cluster.directory}/cid`;
  await cid.loginOk([`--out=${file}`]);
  assertEquals((await cid.tsh(["status"])).stdout, "Not logged in.\n");
  const shown = await cid.tsh(["show", file]);
  assertMatch(shown.stdout, /^User: +cid\nCluster: +main\n[^]*Fingerprint: +SHA256:/);
  assert(!shown.stdout.includes("PRIVATE"));
  await cid.loginOk([`--out=${file}-key`, "--format=openssh"]);
  assertEquals(((await Deno.stat(`${file}-key`)).mode ?? 0) & 0o777, 0o600);
  assertMatch(await Deno.readTextFile(`${file}-key-cert.pub`), /^ssh-ed25519-cert-v01@openssh\.com /);
});

Deno.test("flags of old scripts are taken", async () => {
  const old = ["--namespace=default", "--compat=1.0", "--nocache", "--gops", "--cert-format=standard"];
  assertEquals((await joe.tsh([...old, "ls"])).code, 0);
  assertEquals((await joe.tsh(["ls", "-v", ...old])).code, 0);
  assertEquals((await joe.tsh(["ssh", ...old, `${LOGIN}@alpha`, "true"])).code, 0);
});
