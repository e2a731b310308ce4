import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { AppError, type ErrorCode } from "../../base/errors.ts";
import { jsonPost, OTP_URI, PASSWORD, PING, testApp, TOKENS } from "./fake_gateway.ts";

const KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample alice@laptop";
const LOGIN = {
  user: "alice",
  password: PASSWORD,
  otp_token: "123456",
  pub_key: btoa(KEY_LINE),
  ttl: 12 * 3600 * 1e9,
  compatibility: "",
};

Deno.test("ping answers with and without the version prefix", async () => {
  const { app } = testApp();
  for (const path of ["/webapi/ping", "/v1/webapi/ping"]) {
    assertEquals(await (await app.request(path)).json(), PING);
  }
});

Deno.test("a login becomes a certificate", async () => {
  const { app, gateway } = testApp();
  const answer = await app.request("/v1/webapi/ssh/certs", jsonPost(LOGIN), {
    clientAddress: "::ffff:10.1.2.3",
  });
  assertEquals(answer.status, 200);
  assertEquals(await answer.json(), {
    username: "alice",
    cert: btoa("ssh-ed25519-cert-v01@openssh.com AAAA alice"),
    host_signers: [{
      domain_name: "east.example.com",
      checking_keys: [btoa("ssh-ed25519 AAAAhost one"), btoa("ssh-ed25519 AAAAhost two")],
    }],
  });
  const [asked] = gateway.logins;
  assertEquals(asked?.publicKey, KEY_LINE);
  assertEquals(asked?.ttl, 12 * 3_600_000);
  assertEquals(asked?.clientAddress, "10.1.2.3");
  assertEquals([asked?.password.reveal(), asked?.factor.reveal()], [PASSWORD, "123456"]);
});

Deno.test("a login without ttl leaves it to the server", async () => {
  const { app, gateway } = testApp();
  await app.request("/webapi/ssh/certs", jsonPost({ ...LOGIN, ttl: 0 }));
  assertEquals(gateway.logins[0] !== undefined && "ttl" in gateway.logins[0], false);
});

Deno.test("a login may ask for a certificate that old programs can read, and for no other format", async () => {
  const { app, gateway } = testApp();
  const certs = (compatibility: string) =>
    app.request("/webapi/ssh/certs", jsonPost({ ...LOGIN, compatibility }));
  for (const format of ["", "standard", "oldssh"]) assertEquals((await certs(format)).status, 200);
  assertEquals(gateway.logins.map(({ certFormat }) => certFormat), [undefined, "standard", "oldssh"]);
  assertEquals((await certs("1.0")).status, 400);
});

Deno.test("a refused login says one thing", async () => {
  const { app } = testApp();
  const answer = await app.request("/webapi/ssh/certs", jsonPost({ ...LOGIN, password: "wrong" }));
  assertEquals(answer.status, 403);
  assertEquals(await answer.json(), { message: "invalid username or password" });
});

Deno.test("malformed bodies are refused without repeating what they held", async () => {
  const bodies: unknown[] = [
    `{"user":"alice","password":"${PASSWORD}"`,
    `"${PASSWORD}"`,
    [PASSWORD],
    null,
    { ...LOGIN, password: [PASSWORD] },
    { ...LOGIN, password: PASSWORD.repeat(100) },
    { ...LOGIN, user: "" },
    { ...LOGIN, user: undefined },
    { ...LOGIN, otp_token: 123456 },
    { ...LOGIN, ttl: -1 },
    { ...LOGIN, ttl: "12h" },
    { ...LOGIN, pub_key: PASSWORD },
    { ...LOGIN, pub_key: btoa("ssh-ed25519 AAAA one\nssh-ed25519 AAAA two") },
    { ...LOGIN, pub_key: btoa("ssh-ed25519 \x1b[2J") },
    { ...LOGIN, pub_key: btoa("\xff\xfe") },
  ];
  for (const body of bodies) {
    const { app, gateway } = testApp();
    const answer = await app.request("/webapi/ssh/certs", jsonPost(body));
    const text = await answer.text();
    assertEquals(answer.status, 400, text);
    assertEquals(text.includes(PASSWORD), false, text);
    assertEquals(Object.keys(JSON.parse(text)), ["message"]);
    assertEquals(gateway.logins.length, 0);
  }
});

Deno.test("an invite is shown, and signing up uses it", async () => {
  const { app, gateway } = testApp();
  const invite = await (await app.request(`/v1/webapi/users/invites/${TOKENS.otp}`)).json();
  assertEquals([invite.invite_token, invite.user, invite.otp_uri], [TOKENS.otp, "alice", OTP_URI]);
  assertMatch(invite.qr, /^data:image\/svg\+xml;base64,/);

  const body = { invite_token: TOKENS.otp, pass: PASSWORD, second_factor_token: "123456" };
  const answer = await app.request("/v1/webapi/users", jsonPost(body), { clientAddress: "10.0.0.9" });
  assertEquals([answer.status, await answer.json()], [200, { message: "ok" }]);
  assertEquals(gateway.signups, [
    { token: TOKENS.otp, password: PASSWORD, factor: "123456", clientAddress: "10.0.0.9" },
  ]);
});

Deno.test("an invite without a second factor has no code to scan", async () => {
  const { app } = testApp();
  const invite = await (await app.request(`/webapi/users/invites/${TOKENS.off}`)).json();
  assertEquals([invite.second_factor, invite.qr, invite.otp_uri], ["off", "", ""]);
  const body = { invite_token: TOKENS.off, pass: PASSWORD };
  assertEquals((await app.request("/webapi/users", jsonPost(body))).status, 200);
});

Deno.test("unknown, expired and malformed tokens answer alike", async () => {
  const { app } = testApp();
  const texts = new Set<string>();
  for (const token of ["nosuch", TOKENS.late, "a%00b", "%3Cscript%3E", "a".repeat(10_000)]) {
    const answer = await app.request(`/webapi/users/invites/${token}`);
    assertEquals(answer.status, 404);
    texts.add(await answer.text());
  }
  const signup = await app.request("/webapi/users", jsonPost({ invite_token: "nosuch", pass: PASSWORD }));
  assertEquals(signup.status, 404);
  texts.add(await signup.text());
  assertEquals(texts.size, 1);
});

Deno.test("error codes become statuses, and causes stay inside", async () => {
  const cases: [ErrorCode, number, boolean][] = [
    ["bad_input", 400, true],
    ["unauthenticated", 403, true],
    ["access_denied", 403, true],
    ["limit", 429, true],
    ["unavailable", 503, false],
    ["timeout", 504, false],
    ["internal", 500, false],
    ["conflict", 409, true],
    ["already_exists", 409, true],
    ["unsupported", 400, true],
    ["closed", 500, false],
  ];
  for (const [code, status, shown] of cases) {
    const { app, gateway, failures } = testApp();
    gateway.failure = new AppError(code, "told by 10.9.8.7");
    const answer = await app.request("/webapi/ssh/certs", jsonPost(LOGIN));
    const { message } = await answer.json();
    assertEquals([answer.status, message.includes("10.9.8.7")], [status, shown], code);
    assertEquals(failures.length, status >= 500 ? 1 : 0, code);
    assertEquals(answer.headers.has("retry-after"), [429, 503, 504].includes(status), code);
  }
});

Deno.test("a failure is reported with the route's pattern, never with the token", async () => {
  const { app, gateway, failures } = testApp();
  gateway.failure = new TypeError("broken");
  for (const path of [`/webapi/users/invites/${TOKENS.otp}`, `/web/newuser/${TOKENS.otp}`]) {
    const answer = await app.request(path);
    assertEquals(answer.status, 500);
    assertEquals((await answer.text()).includes("broken"), false);
  }
  assertEquals(failures, [
    { error: gateway.failure, method: "GET", route: "/webapi/users/invites/:token", clientAddress: "" },
    { error: gateway.failure, method: "GET", route: "/web/newuser/:token", clientAddress: "" },
  ]);
});

Deno.test("POST demands JSON", async () => {
  const { app, gateway } = testApp();
  for (
    const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
  ) {
    const answer = await app.request("/webapi/ssh/certs", jsonPost(LOGIN, { "content-type": type }));
    assertEquals(answer.status, 400, type);
  }
  const charset = { "content-type": "Application/JSON; charset=utf-8" };
  assertEquals((await app.request("/webapi/ssh/certs", jsonPost(LOGIN, charset))).status, 200);
  assertEquals(gateway.logins.length, 1);
});

Deno.test("other web sites are refused, our own pages are not", async () => {
  const { app } = testApp();
  const status = async (headers: Record<string, string>) =>
    (await app.request("https://10.0.0.5:3080/webapi/ssh/certs", jsonPost(LOGIN, headers))).status;
  for (
    const origin of [
      "https://evil.example",
      "http://proxy.example.com:3080",
      "https://proxy.example.com",
      "https://proxy.example.com:3080.evil.example",
      "https://sub.proxy.example.com:3080",
      "null",
      "",
      "file://",
    ]
  ) assertEquals(await status({ origin }), 403, origin);
  assertEquals(await status({ origin: "null", "sec-fetch-site": "cross-site" }), 403);
  assertEquals(await status({ origin: "null", "sec-fetch-site": "same-origin" }), 200);
  assertEquals(await status({ origin: "https://proxy.example.com:3080" }), 200);
  assertEquals(await status({ origin: "https://10.0.0.5:3080" }), 200);
  assertEquals(await status({}), 200);
});

Deno.test("without TLS both schemes are our own", async () => {
  const { app } = testApp({ tls: false });
  for (const origin of ["http://proxy.example.com:3080", "https://proxy.example.com:3080"]) {
    assertEquals((await app.request("/webapi/ssh/certs", jsonPost(LOGIN, { origin }))).status, 200);
  }
});

Deno.test("bodies beyond 64 KiB are refused", async () => {
  const { app, gateway } = testApp();
  const big = JSON.stringify({ ...LOGIN, compatibility: "x".repeat(70_000) });
  const sized = await app.request(
    "/webapi/ssh/certs",
    jsonPost(big, { "content-length": String(big.length) }),
  );
  const streamed = await app.request("/webapi/ssh/certs", jsonPost(big));
  for (const answer of [sized, streamed]) {
    assertEquals(answer.status, 413);
    assertMatch((await answer.json()).message, /larger than 65536 bytes/);
  }
  assertEquals(gateway.logins.length, 0);
});

Deno.test("logins are limited by address and come back with time", async () => {
  const { app, clock } = testApp();
  const login = (clientAddress: string) =>
    app.request("/webapi/ssh/certs", jsonPost(LOGIN), { clientAddress });
  for (let i = 0; i < 60; i++) assertEquals((await login("10.0.0.1")).status, 200);
  const refused = await login("10.0.0.1");
  assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
  assertMatch((await refused.json()).message, /too many requests/);
  assertEquals((await login("10.0.0.2")).status, 200);
  clock.ms += 200;
  assertEquals((await login("10.0.0.1")).status, 200);
});

Deno.test("invites are limited over the API and the page together, signups apart", async () => {
  const { app, gateway } = testApp();
  const at = { clientAddress: "10.0.0.1" };
  for (let i = 0; i < 10; i++) {
    await app.request("/webapi/users/invites/guess", undefined, at);
    await app.request("/web/newuser/guess", undefined, at);
  }
  assertEquals(gateway.invitesAsked, 20);
  assertEquals((await app.request("/v1/webapi/users/invites/guess", undefined, at)).status, 429);
  const page = await app.request("/web/newuser/guess", undefined, at);
  assertEquals(page.status, 429);
  assertStringIncludes(page.headers.get("content-type") ?? "", "text/html");
  assertEquals(gateway.invitesAsked, 20);
  const body = { invite_token: TOKENS.off, pass: PASSWORD };
  assertEquals((await app.request("/webapi/users", jsonPost(body), at)).status, 200);
});

Deno.test("every answer carries the security headers", async () => {
  const { app, gateway } = testApp();
  const paths = [
    "/",
    "/web",
    "/nosuch",
    "/webapi/nosuch",
    "/webapi/ping",
    "/web/newuser/nosuch",
    `/web/newuser/${TOKENS.otp}`,
    `/webapi/users/invites/${TOKENS.otp}`,
    "/webapi/users/invites/nosuch",
  ];
  const answers = await Promise.all(paths.map((path) => app.request(path)));
  answers.push(await app.request("/webapi/ssh/certs", jsonPost(LOGIN)));
  answers.push(await app.request("/webapi/ssh/certs", jsonPost("{")));
  answers.push(await app.request("/webapi/ping", { headers: { origin: "https://evil.example" } }));
  answers.push(await app.request("/webapi/users", jsonPost("x".repeat(70_000))));
  gateway.failure = new Error("broken");
  answers.push(await app.request("/webapi/ssh/certs", jsonPost(LOGIN)));
  for (const { headers, status, url } of answers) {
    assertEquals(
      headers.get("content-security-policy"),
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      `${status} ${url}`,
    );
    assertEquals(headers.get("x-frame-options"), "DENY");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("referrer-policy"), "no-referrer");
    assertEquals(headers.get("cache-control"), "no-store");
    assertMatch(headers.get("strict-transport-security") ?? "", /^max-age=\d+$/);
    assert(!headers.has("server") && !headers.has("x-powered-by"));
    assert(!headers.has("access-control-allow-origin"));
  }
  const plain = await testApp({ tls: false }).app.request("/webapi/ping");
  assertEquals(plain.headers.has("strict-transport-security"), false);
});

Deno.test("what is not there is said in the caller's form", async () => {
  const { app } = testApp();
  const html = { headers: { accept: "text/html,*/*" } };
  const page = await app.request("/nosuch", html);
  assertEquals(page.status, 404);
  assertStringIncludes(await page.text(), "There is no such page");
  for (const answer of [await app.request("/nosuch"), await app.request("/v1/webapi/nosuch", html)]) {
    assertEquals(answer.status, 404);
    assertNotMatch((await answer.json()).message, /</);
  }
});
