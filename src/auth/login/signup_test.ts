import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { codeAt, openAuth, PASSWORD, secretOf, signUp } from "../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { HOUR } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";

const GIVEN = { roles: ["admin"], logins: ["joe"] };

async function invited(ttl = HOUR) {
  const clock = new FakeClock();
  const { auth } = await openAuth({ clock });
  const { token, expires } = await auth.signup.invite("joe", GIVEN, ttl, "admin");
  const { otpUri } = await auth.signup.describe(new Secret(token));
  const secret = secretOf(otpUri ?? "");
  const complete = (change: { token?: string; password?: string; code?: string } = {}) =>
    auth.signup.complete(
      new Secret(change.token ?? token),
      new Secret(change.password ?? PASSWORD),
      new Secret(change.code ?? codeAt(secret, clock.now())),
    );
  return { auth, clock, token, expires, secret, otpUri, complete };
}

async function refused(attempt: Promise<unknown>, code: string, text: string): Promise<void> {
  const error = await assertRejects(() => attempt, AppError);
  assertEquals(error.code, code);
  assertStringIncludes(error.message, text);
}

Deno.test("an invitation becomes an account once", async () => {
  const { auth, complete, token } = await invited();
  assertEquals((await complete()).user, "joe");
  const [user] = await auth.users.list();
  assertEquals(user, {
    name: "joe",
    roles: ["admin"],
    traits: { logins: ["joe"] },
    created: auth.clock.now(),
    createdBy: "admin",
  });
  await refused(complete(), "not_found", "this invitation is not valid");
  await refused(auth.signup.describe(new Secret(token)), "not_found", "this invitation is not valid");
});

Deno.test("the QR code's address names the user, the cluster and the algorithm", async () => {
  const { otpUri } = await invited();
  const uri = new URL(otpUri ?? "");
  assertEquals(uri.protocol, "otpauth:");
  assertStringIncludes(decodeURIComponent(uri.pathname), "joe@test.example.com");
  assertEquals(uri.searchParams.get("digits"), "6");
  assertEquals(uri.searchParams.get("period"), "30");
});

Deno.test("an invitation ends when its time is over", async () => {
  const { clock, complete, expires } = await invited(HOUR);
  await clock.advanceTo(expires - 1);
  await refused(complete({ password: "short" }), "bad_input", "too short");
  await clock.advance(1);
  await refused(complete(), "not_found", "this invitation is not valid");
});

Deno.test("an invitation cannot be valid for longer than two days, nor for no time", async () => {
  const { auth } = await openAuth({ clock: new FakeClock() });
  await refused(auth.signup.invite("joe", GIVEN, 48 * HOUR + 1, "admin"), "bad_input", "at most 48h0m0s");
  await refused(auth.signup.invite("joe", GIVEN, 0, "admin"), "bad_input", "valid for some time");
  await auth.signup.invite("joe", GIVEN, 48 * HOUR, "admin");
});

Deno.test("a password that is too short or too long is refused and the invitation lives on", async () => {
  const { complete } = await invited();
  await refused(complete({ password: "12345" }), "bad_input", "at least 6 characters");
  await refused(complete({ password: "x".repeat(129) }), "bad_input", "at most 128 characters");
  assertEquals((await complete({ password: "123456" })).user, "joe");
});

Deno.test("ten wrong codes end an invitation", async () => {
  const { complete } = await invited();
  for (let i = 0; i < 10; i++) await refused(complete({ code: "abcdef" }), "bad_input", "the code is wrong");
  await refused(complete(), "not_found", "this invitation is not valid");
});

Deno.test("nine wrong codes do not end an invitation", async () => {
  const { complete } = await invited();
  for (let i = 0; i < 9; i++) await refused(complete({ code: "abcdef" }), "bad_input", "the code is wrong");
  assertEquals((await complete()).user, "joe");
});

Deno.test("of two completions at once exactly one wins, and its password is the one that counts", async () => {
  const { auth, complete } = await invited();
  const results = await Promise.allSettled([
    complete({ password: "password one" }),
    complete({ password: "password two" }),
  ]);
  assertEquals(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
  assertEquals((await auth.users.list()).length, 1);
});

Deno.test("of two invitations for one name the first completed makes the account, the other is void", async () => {
  const { auth, clock, complete } = await invited();
  const second = await auth.signup.invite("joe", { roles: ["admin"], logins: ["root"] }, HOUR, "admin");
  const { otpUri } = await auth.signup.describe(new Secret(second.token));
  assertEquals((await complete()).user, "joe");
  const code = codeAt(secretOf(otpUri ?? ""), clock.now());
  await refused(complete({ token: second.token, code }), "not_found", "this invitation is not valid");
  assertEquals((await auth.users.get("joe"))?.traits, { logins: ["joe"] });
});

Deno.test("an existing user cannot be invited again", async () => {
  const { auth } = await openAuth({ clock: new FakeClock() });
  await signUp(auth, "joe");
  await refused(auth.signup.invite("joe", GIVEN, HOUR, "admin"), "already_exists", "tctl users rm joe");
});

Deno.test("a revoked invitation cannot be completed", async () => {
  const { auth, complete, token } = await invited();
  assertEquals(await auth.signup.revoke(token), true);
  assertEquals(await auth.signup.revoke(token), false);
  await refused(complete(), "not_found", "this invitation is not valid");
});

Deno.test("the code that completed an invitation cannot be used for the first login", async () => {
  const { auth, clock, complete, secret } = await invited();
  await complete();
  const attempt = () =>
    auth.login.check({
      user: "joe",
      password: new Secret(PASSWORD),
      factor: new Secret(codeAt(secret, clock.now())),
      address: "192.0.2.7",
    });
  await refused(attempt(), "unauthenticated", "used already");
  await clock.advance(30_000);
  assertEquals((await attempt()).name, "joe");
});

Deno.test("an invitation that 0.1.0 has made is still good", async () => {
  const clock = new FakeClock();
  const { auth, backend } = await openAuth({ clock });
  const { token } = await auth.signup.invite("joe", GIVEN, HOUR, "admin");
  const [entry] = await backend.list(["invite"]);
  const { seed, ...invitation } = JSON.parse(entry?.value ?? "");
  const old = JSON.stringify({ ...invitation, otpSecret: seed });
  await backend.commit([{ type: "put", key: entry?.key ?? [], value: old, expires: entry?.expires }]);
  const { otpUri } = await auth.signup.describe(new Secret(token));
  assertEquals(secretOf(otpUri ?? ""), seed);
  const code = new Secret(codeAt(seed, clock.now()));
  assertEquals(await auth.signup.complete(new Secret(token), new Secret(PASSWORD), code), {
    user: "joe",
    isNew: true,
  });
});
