import { assert, assertEquals, assertMatch } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { eventually } from "../kit/run.ts";
import { PASSWORD } from "../kit/user.ts";
import { WebBrowser } from "../kit/web_browser.ts";

Deno.test("a browser signs in, learns what the user may do, and signs out", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.open(daemon);
  assertEquals((await browser.signIn("joe", PASSWORD, "000000")).status, 403);
  const login = await browser.signIn("joe", PASSWORD, await joe.authenticator.code());
  assertEquals([login.status, login.json.type, login.json.user], [200, "bearer", "joe"], login.text);
  assertEquals(login.json.expires_in, 600);
  assert(login.json.session_expires_in > 11 * 3600 && login.json.session_expires_in <= 12 * 3600);
  const [cookie = ""] = login.headers["set-cookie"] ?? [];
  assertMatch(
    cookie,
    /^__Host-session=[\w.-]+; Max-Age=43\d\d\d; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );

  assertEquals((await browser.ask("GET", "/v1/webapi/user/status")).status, 200);
  const context = (await browser.ask("GET", "/webapi/user/context")).json;
  assertEquals([context.user, context.cluster, context.roles], ["joe", "main", ["admin"]]);
  assertEquals(context.rights.session, ["list", "read", "readnosecrets"]);
  assertEquals(context.rights.user, []);
  for (const site of ["-current-", "main"]) {
    for (const path of [`/v1/webapi/sites/${site}/nodes`, `/webapi/sites/${site}/namespaces/default/nodes`]) {
      const { items } = (await browser.ask("GET", path)).json;
      assertEquals(items.map((node: { hostname: string }) => node.hostname), ["alpha"]);
      assertEquals(items[0].logins, context.logins);
    }
  }
  assertEquals((await browser.ask("GET", "/v1/webapi/sites/other/nodes")).status, 404);

  assertEquals((await browser.call("cluster.get")).json.name, "main");
  assertEquals((await browser.call("users.list")).status, 403);
  assertEquals((await browser.call("certificates.user", { user: "joe", publicKey: "x" })).status, 404);
  assertEquals((await browser.call("events.search", { limit: -1 })).status, 400);
  const login_ = (await browser.call("events.search", { events: ["user.login"] })).json;
  assertEquals(login_.map((event: { success: boolean }) => event.success), [false, true]);

  assertEquals((await browser.renew()).status, 200);
  const old = new WebBrowser(browser.port);
  for (const [name, value] of browser.cookies) old.cookies.set(name, value);
  assertEquals((await old.renew()).status, 200, "a page that is loaded anew has only the cookies");
  assertEquals((await browser.ask("DELETE", "/v1/webapi/sessions")).status, 200);
  assertEquals(browser.cookies.has("__Host-session"), false);
  assertEquals((await old.ask("GET", "/v1/webapi/user/status")).status, 401);
  await daemon.event("user.logout", ({ user }) => user === "joe");
});

Deno.test("a web session outlives a restart of the daemon, and ends with what it stands on", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  try {
    let daemon = await Daemon.start({ directory });
    const joe = await daemon.user("joe");
    let browser = await WebBrowser.signedIn(daemon, joe);
    await t.step("a restart of every role loses no login", async () => {
      await daemon.stop();
      daemon = await Daemon.start({ directory });
      const again = new WebBrowser((await daemon.addresses()).proxyWeb?.port ?? 0);
      for (const [name, value] of browser.cookies) again.cookies.set(name, value);
      again.bearer = browser.bearer;
      browser = again;
      assertEquals((await browser.ask("GET", "/v1/webapi/user/context")).status, 200);
    });
    const ends = async (by: () => Promise<unknown>) => {
      assertEquals((await browser.ask("GET", "/v1/webapi/user/status")).status, 200);
      await by();
      const began = Date.now();
      await eventually("the session to end", async () => {
        const { status } = await browser.ask("GET", "/v1/webapi/user/status");
        return status === 401 ? true : undefined;
      });
      assert(Date.now() - began < 1000, "within a second");
    };
    await t.step("a lock ends it, and the end of the lock does not bring it back", async () => {
      await ends(() => daemon.tctlOk("users", "lock", "joe"));
      await daemon.tctlOk("users", "unlock", "joe");
      assertEquals((await browser.renew()).status, 401);
    });
    await t.step("a reset of the account ends it", async () => {
      browser = await WebBrowser.signedIn(daemon, joe);
      let link = "";
      await ends(async () => {
        link = JSON.parse(await daemon.tctlOk("users", "reset", "joe", "--format=json")).url;
      });
      const anew = await daemon.signUp("joe", link);
      browser = await WebBrowser.signedIn(daemon, anew);
    });
    await t.step("the end of the account ends it", () => ends(() => daemon.tctlOk("users", "rm", "joe")));
    await daemon.stop();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("events show where a browser is, also behind a balancer, and what it does is done from there", async () => {
  const told = { proxy_protocol: ["127.0.0.1"] };
  await using daemon = await Daemon.start({
    proxy: told,
    auth: { authentication: { type: "local", second_factor: "off" } },
  });
  const from = "198.51.100.7";
  const browser = await WebBrowser.open(daemon, from);
  const text = await daemon.tctlOk("users", "add", "joe", "root", "--format=json");
  const signup = { invite_token: String(JSON.parse(text).url).split("/").at(-1), pass: PASSWORD };
  assertEquals((await browser.ask("POST", "/webapi/users", { body: signup })).status, 200);
  assertEquals((await browser.signIn("joe", "wrong", "")).status, 403);
  assertEquals((await browser.signIn("joe", PASSWORD, "")).status, 200);
  assertEquals((await browser.call("users.list")).status, 403);
  const at = (address: unknown) => String(address).startsWith(from);
  for (const success of [false, true]) {
    const event = await daemon.event("user.login", (event) => event.success === success);
    assert(at(event["addr.remote"]), JSON.stringify(event));
  }
  const denied = await daemon.event(
    "auth",
    ({ user, error }) => user === "joe" && /users.list/.test(String(error)),
  );
  assert(at(denied["addr.remote"]), JSON.stringify(denied));
  const node = (await browser.ask("GET", "/v1/webapi/sites/main/nodes")).json.items[0].id;
  const path = `/v1/webapi/sites/main/nodes/${node}/root/files?path=${daemon.directory}/teleport.yaml`;
  assertEquals((await browser.ask("GET", path)).status, 200);
  const read = await daemon.event("sftp", ({ user }) => user === "joe");
  assert(at(read["addr.remote"]), JSON.stringify(read));
  assertEquals((await browser.ask("DELETE", "/v1/webapi/sessions")).status, 200);
  assert(at((await daemon.event("user.logout"))["addr.remote"]));
});
