import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { eventually } from "../kit/run.ts";
import { Authenticator, PASSWORD } from "../kit/user.ts";
import { WebBrowser } from "../kit/web_browser.ts";

const NEW_PASSWORD = "another horse battery staple";

Deno.test("a password is changed with the old one, and all other browsers are signed out", async () => {
  await using daemon = await Daemon.start({
    auth: { authentication: { type: "local", second_factor: "off" } },
  });
  const text = await daemon.tctlOk("users", "add", "joe", "root", "--format=json");
  const token = String(JSON.parse(text).url).split("/").at(-1);
  const open = async (password: string) => {
    const browser = await WebBrowser.open(daemon);
    return { browser, ...await browser.signIn("joe", password, "") };
  };
  const { browser } = await open("x");
  const signup = { invite_token: token, pass: PASSWORD };
  assertEquals((await browser.ask("POST", "/webapi/users", { body: signup })).status, 200);
  assertEquals((await browser.signIn("joe", PASSWORD, "")).status, 200);
  const other = await open(PASSWORD);
  assertEquals(other.status, 200);

  const change = (old_password: string, new_password: string) =>
    browser.ask("PUT", "/v1/webapi/users/password", { body: { old_password, new_password } });
  assertEquals((await change("wrong", NEW_PASSWORD)).status, 403);
  assertEquals((await change(PASSWORD, "short")).status, 400);
  assertEquals((await change(PASSWORD, PASSWORD)).status, 400);
  assertEquals((await change(PASSWORD, NEW_PASSWORD)).status, 200);
  assertEquals((await browser.ask("GET", "/v1/webapi/user/context")).status, 200, "this one goes on");
  assertEquals((await browser.renew()).status, 200);
  await eventually(
    "the other to be signed out",
    async () => (await other.browser.ask("GET", "/v1/webapi/user/status")).status === 401,
  );
  assertEquals([(await open(PASSWORD)).status, (await open(NEW_PASSWORD)).status], [403, 200]);
  await daemon.event(
    "user.update",
    ({ user, reason }) => user === "joe" && reason === "changed the password",
  );
  await daemon.event("auth", ({ user, error }) => user === "joe" && error === "wrong password");
});

Deno.test("a second factor is replaced in two steps: the old one rules until the new one is proven", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const enroll = (pass: string, code: string) =>
    browser.ask("POST", "/v1/webapi/users/secondfactor", { body: { pass, second_factor_token: code } });
  const confirm = (code: string) =>
    browser.ask("PUT", "/v1/webapi/users/secondfactor", { body: { second_factor_token: code } });
  assertEquals((await confirm("123456")).status, 404);
  const proposed = await enroll(PASSWORD, await joe.authenticator.code());
  assertEquals(proposed.status, 200, proposed.text);
  assertMatch(proposed.json.qr, /^data:image\/svg\+xml;base64,/);
  assertStringIncludes(proposed.json.uri, "joe");
  assert(Date.parse(proposed.json.expires) > Date.now());
  const next = new Authenticator(new URL(proposed.json.uri).searchParams.get("secret") ?? "");
  assertEquals((await confirm("000000")).status, 400);
  const answer = await confirm(await next.code());
  assertEquals(answer.status, 200, answer.text);
  assertEquals((await browser.ask("GET", "/v1/webapi/user/context")).status, 200, "this one goes on");
  assertEquals(
    (await (await WebBrowser.open(daemon)).signIn("joe", PASSWORD, await next.code())).status,
    200,
  );
  await daemon.event("user.update", ({ reason }) => reason === "changed the second factor");
});
