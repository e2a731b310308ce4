import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { loginCommand, shellWord } from "./command_block.ts";
import { PASSWORD, testApp, TOKENS } from "./fake_gateway.ts";
import { pageJs } from "./assets/page_js.ts";
import { signupJs } from "./assets/signup_js.ts";

const HOSTILE = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  "' onfocus='alert(1)",
  "line\nbreak",
  "nul\0nul",
  "x".repeat(10_000),
  "../../etc/passwd",
];

Deno.test("the signup page shows user, QR code, key and the commands to come", async () => {
  const { app } = testApp();
  const answer = await app.request(`/web/newuser/${TOKENS.otp}`);
  const page = await answer.text();
  assertEquals(answer.status, 200);
  assertStringIncludes(page, "Welcome, alice");
  assertStringIncludes(page, `src="data:image/svg+xml;base64,`);
  assertStringIncludes(page, "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP");
  assertStringIncludes(page, `data-copy="tsh login --proxy=proxy.example.com:3080 --user=alice"`);
  assertMatch(page, /<form id="signup" method="post" action="\/web\/newuser\/[0-9a-f]+"/);
  assertMatch(page, /autocomplete="one-time-code"/);
  assertStringIncludes(page, "expires in 60 minutes");
});

Deno.test("every field has a label, and nothing is inline that the policy forbids", async () => {
  const { app } = testApp();
  const page = await (await app.request(`/web/newuser/${TOKENS.otp}`)).text();
  for (const id of ["password", "confirm", "code"]) assertStringIncludes(page, `<label for="${id}">`);
  assertEquals(page.match(/<script>|<style|\sstyle=|\son[a-z]+=|javascript:/g), null);
});

Deno.test("without a second factor the page asks for a password only", async () => {
  const { app } = testApp();
  const page = await (await app.request(`/web/newuser/${TOKENS.off}`)).text();
  assertStringIncludes(page, `id="password"`);
  assertEquals(page.includes(`id="code"`) || page.includes("data:image/svg"), false);
});

Deno.test("a dead link answers 404 and says whom to ask", async () => {
  const { app } = testApp();
  for (const token of ["nosuch", TOKENS.late]) {
    const answer = await app.request(`/web/newuser/${token}`);
    const page = await answer.text();
    assertEquals(answer.status, 404);
    assertStringIncludes(page, "Ask your administrator for a new link");
    assertEquals(page.includes(token), false);
  }
});

Deno.test("hostile tokens never reach a page or the auth service", async () => {
  const { app, gateway } = testApp();
  for (const token of HOSTILE) {
    for (const path of ["/web/newuser/", "/webapi/users/invites/"]) {
      const answer = await app.request(path + encodeURIComponent(token));
      assertEquals(answer.status, 404);
      assertEquals((await answer.text()).includes(token), false);
    }
  }
  for (const raw of ["%00", "%zz", "%", "%ff%fe", "<script>", "a/b"]) {
    assertEquals((await app.request(`/web/newuser/${raw}`)).status, 404, raw);
  }
  assertEquals(gateway.invitesAsked, 0);
});

Deno.test("hostile user names are escaped", async () => {
  for (const user of HOSTILE.slice(0, 3)) {
    const { app, gateway } = testApp();
    gateway.user = user;
    const page = await (await app.request(`/web/newuser/${TOKENS.otp}`)).text();
    assertEquals(page.includes(user), false);
    assertEquals(page.match(/<script>|<img src=x|"\s*onfocus/g), null);
  }
});

Deno.test("the form works without scripts", async () => {
  const { app, gateway } = testApp();
  const send = (fields: Record<string, string>, token = TOKENS.otp) =>
    app.request(`/web/newuser/${token}`, { method: "POST", body: new URLSearchParams(fields) });
  const good = { username: "mallory", password: PASSWORD, confirm: PASSWORD, code: "123 456" };

  const unequal = await send({ ...good, confirm: "other" });
  assertEquals(unequal.status, 400);
  const page = await unequal.text();
  assertStringIncludes(page, "The two passwords are not the same.");
  assertEquals(page.includes(PASSWORD), false);

  assertEquals((await send({ ...good, code: "000000" })).status, 400);
  assertEquals((await send(good, "nosuch")).status, 404);
  assertEquals(gateway.signups.length, 0);

  const done = await send(good);
  assertEquals(done.status, 200);
  const text = await done.text();
  assertStringIncludes(text, "You are all set, alice");
  assertEquals(text.includes(`id="signup"`), false);
  assertEquals(gateway.signups.map(({ password, factor }) => [password, factor]), [[PASSWORD, "123456"]]);
});

Deno.test("the form's address takes the form only", async () => {
  const { app } = testApp();
  const body = JSON.stringify({ password: PASSWORD, confirm: PASSWORD });
  const answer = await app.request(`/web/newuser/${TOKENS.off}`, { method: "POST", body });
  assertEquals(answer.status, 400);
});

Deno.test("an unusable otpauth URI is our failure and stays inside", async () => {
  const { app, gateway, failures } = testApp();
  gateway.invite = () =>
    Promise.resolve({ user: "a", otpUri: "javascript:alert(1)", expires: Infinity, secondFactor: "otp" });
  const answer = await app.request(`/web/newuser/${TOKENS.otp}`);
  assertEquals([answer.status, failures.length], [500, 1]);
  assertEquals((await answer.text()).includes("javascript:"), false);
});

Deno.test("the landing page says how to sign in", async () => {
  const { app } = testApp();
  for (const path of ["/", "/web"]) {
    const answer = await app.request(path);
    assertEquals(answer.status, 200);
    assertStringIncludes(await answer.text(), `data-copy="tsh login --proxy=proxy.example.com:3080"`);
  }
});

Deno.test("assets named by a page are cached for good, other versions are not", async () => {
  const { app } = testApp();
  const page = await (await app.request(`/web/newuser/${TOKENS.otp}`)).text();
  const urls = new Set([...page.matchAll(/\/web\/assets\/[^"]+/g)].map(([url]) => url));
  assertEquals(urls.size, 5);
  for (const url of urls) {
    const answer = await app.request(url);
    assertEquals(answer.status, 200);
    assertMatch(answer.headers.get("content-type") ?? "", /^(text\/css|text\/javascript|image\/svg\+xml)/);
    assertStringIncludes(answer.headers.get("cache-control") ?? "", "immutable");
    assert((await answer.text()).length > 100);
    const other = await app.request(url.replace(/v=.*/, "v=0"));
    assertEquals([other.status, other.headers.get("cache-control")], [200, "no-cache"]);
    await other.body?.cancel();
  }
  assertEquals((await app.request("/web/assets/nosuch.js")).status, 404);
});

Deno.test("the scripts parse", () => {
  for (const source of [pageJs, signupJs]) new Function(source);
});

Deno.test("a command survives a shell whatever the name", () => {
  assertEquals(
    loginCommand("proxy.example.com:3080", "alice"),
    "tsh login --proxy=proxy.example.com:3080 --user=alice",
  );
  assertEquals(shellWord("[::1]:3080"), "'[::1]:3080'");
  assertEquals(shellWord("a'; rm -rf ~"), `'a'\\''; rm -rf ~'`);
});
