import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { openAuth, PASSWORD } from "../../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../../tests/kit/clock.ts";
import { SoftwareKey, type Twist } from "../../../../tests/kit/security_key.ts";
import { MINUTE } from "../../../base/duration.ts";
import { AppError } from "../../../base/errors.ts";
import { Secret } from "../../../base/secret.ts";
import type { KeyChallenge, RegistrationOptions } from "../../../model/security_key.ts";
import { ADMIN_ROLE } from "../../../model/user.ts";
import { MemoryBackend } from "../../../store/memory.ts";
import type { AuthService } from "../../service.ts";

const PLACE = { appId: "https://gw.example.com:3080", facets: [] as string[] };
const ORIGIN = "https://gw.example.com:3080";
const REFUSED =
  "invalid user name, password or security key, or the account is locked (five failures lock it for 20 minutes)";

async function open(securityKeys = PLACE, backend?: MemoryBackend, clock = new FakeClock()) {
  const store = backend ?? new MemoryBackend(clock);
  const { auth } = await openAuth({
    clock,
    backend: store,
    settings: { secondFactor: "u2f", securityKeys },
  });
  return { auth, clock, backend: store };
}

/** Invites a user; `answer` makes the browser's answer. */
async function register(
  auth: AuthService,
  name: string,
  answer: (options: RegistrationOptions) => unknown,
): Promise<void> {
  const { token } = await auth.signup.invite(
    name,
    { roles: [ADMIN_ROLE], logins: [name] },
    3_600_000,
    "test",
  );
  const { securityKey } = await auth.signup.describe(new Secret(token));
  assert(securityKey);
  await auth.signup.complete(
    new Secret(token),
    new Secret(PASSWORD),
    new Secret(JSON.stringify(answer(securityKey))),
  );
}

async function withJoe() {
  const opened = await open();
  const key = new SoftwareKey(ORIGIN);
  await register(opened.auth, "joe", (options) => key.register(options));
  return { ...opened, key };
}

function logIn(auth: AuthService, answer: unknown, user = "joe", password = PASSWORD) {
  return auth.login.check({
    user,
    password: new Secret(password),
    factor: new Secret(JSON.stringify(answer)),
    address: "192.0.2.7",
  });
}

async function refused(attempt: Promise<unknown>, auth?: AuthService, reason?: RegExp): Promise<void> {
  const error = await assertRejects(() => attempt, AppError);
  assertEquals([error.code, error.message], ["unauthenticated", REFUSED]);
  if (!auth || !reason) return;
  const last = (await auth.audit.search({ events: ["user.login"] })).at(-1);
  assert(reason.test(String(last?.error)), `${last?.error}`);
}

Deno.test("a registered key logs in, as browsers and as u2f-host answer", async () => {
  const { auth, key } = await withJoe();
  assertEquals((await logIn(auth, key.answerBrowser(await auth.login.challenge("joe")))).name, "joe");
  assertEquals((await logIn(auth, key.answerRaw(await auth.login.challenge("joe")))).name, "joe");
  assertEquals((await logIn(auth, key.answerBrowser(await auth.login.challenge("joe")))).name, "joe");
});

Deno.test("a key that does not count is taken, too, but no answer of it twice", async () => {
  const { auth, key } = await withJoe();
  for (let i = 0; i < 2; i++) {
    const answer = key.answerBrowser(await auth.login.challenge("joe"), { counter: 0 });
    await logIn(auth, answer);
    await refused(logIn(auth, answer), auth, /used before/);
  }
  const answer = key.answerRaw(await auth.login.challenge("joe"), { counter: 0 });
  const outcomes = await Promise.allSettled([logIn(auth, answer), logIn(auth, answer), logIn(auth, answer)]);
  assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("what a key has not signed for this login is refused with one text, and logged with the reason", async () => {
  const { auth, clock, key } = await withJoe();
  const fresh = () => auth.login.challenge("joe");
  const twists: [Twist, RegExp][] = [
    [{ origin: "https://evil.example.com" }, /origin|facets/],
    [{ relyingParty: "evil.example.com" }, /RP ID|signature/],
    [{ flags: 0 }, /present|touched/],
    [{ challenge: "AAAA" }, /challenge/],
    [{ type: "webauthn.create" }, /type|something else/],
    [{ counter: 0 }, /counter/],
  ];
  await logIn(auth, key.answerBrowser(await fresh())); // from here on the key counts
  for (const [twist, reason] of twists) {
    await refused(logIn(auth, key.answerBrowser(await fresh(), twist)), auth, reason);
    await refused(logIn(auth, key.answerRaw(await fresh(), twist)), auth, reason);
    await auth.lockout.clear("joe");
  }
  const copied = key.answerBrowser(await fresh());
  copied.response.signature = key.answerBrowser(await fresh()).response.signature;
  await refused(logIn(auth, copied), auth, /signature/);
  await refused(
    logIn(auth, new SoftwareKey(ORIGIN).answerBrowser(await fresh())),
    auth,
    /another security key/,
  );
  await refused(logIn(auth, "123456"), auth, /no answer/);
  await auth.lockout.clear("joe");
  await refused(
    logIn(auth, key.answerBrowser(await fresh()), "joe", "wrong password"),
    auth,
    /wrong password/,
  );
  const late = await fresh();
  await clock.advance(5 * MINUTE + 1);
  await refused(logIn(auth, key.answerRaw(late)), auth, /challenge/);
  await logIn(auth, key.answerRaw(await fresh()));
});

Deno.test("a challenge is for one user, and tells nobody whether there is such a user", async () => {
  const { auth, key } = await withJoe();
  await register(auth, "eve", (options) => new SoftwareKey(ORIGIN).register(options));
  await refused(logIn(auth, key.answerBrowser(await auth.login.challenge("eve"))), auth, /challenge/);
  const [joe, nobody, again, other] = await Promise.all(
    ["joe", "nobody", "nobody", "no such name\n"].map((name) => auth.login.challenge(name)),
  ) as [KeyChallenge, KeyChallenge, KeyChallenge, KeyChallenge];
  const shape = (challenge: KeyChallenge) =>
    JSON.stringify(challenge, (_name, value) => typeof value === "string" ? value.length : value);
  assertEquals([shape(nobody), shape(other)], [shape(joe), shape(joe)]);
  assertEquals(nobody.keyHandle, again.keyHandle);
  assertNotEquals(nobody.keyHandle, other.keyHandle);
  assertNotEquals(nobody.challenge, again.challenge);
});

Deno.test("a key is registered for the facets that are listed, and for no other address", async () => {
  const listed = { appId: "https://example.com/u2f.json", facets: ["https://p1.example.com:3080"] };
  const { auth, backend, clock } = await open(listed);
  const key = new SoftwareKey("https://p1.example.com:3080");
  for (const twist of [{ origin: "https://p2.example.com:3080" }, { origin: "https://example.com" }]) {
    const error = await assertRejects(
      () => register(auth, "joe", (options) => key.register(options, twist)),
      AppError,
      "the security key was not accepted",
    );
    assertEquals(error.code, "bad_input");
  }
  for (
    const twist of [{ relyingParty: "evil.com" }, { challenge: "AAAA" }, { type: "webauthn.get" }, {
      flags: 0x40,
    }]
  ) {
    await assertRejects(() => register(auth, "joe", (options) => key.register(options, twist)), AppError);
  }
  await register(auth, "joe", (options) => key.register(options));
  const elsewhere = { origin: "https://p2.example.com:3080" };
  await refused(logIn(auth, key.answerRaw(await auth.login.challenge("joe"), elsewhere)), auth, /facets/);
  const wider = { ...listed, facets: [...listed.facets, "https://p2.example.com:3080"] };
  const { auth: restarted } = await open(wider, backend, clock);
  await logIn(restarted, key.answerRaw(await restarted.login.challenge("joe"), elsewhere));
});

Deno.test("another app_id ends what was registered; a new link registers anew", async () => {
  const { auth, backend, clock, key } = await withJoe();
  await logIn(auth, key.answerBrowser(await auth.login.challenge("joe")));
  const moved = { appId: "https://gw.example.com:3080/app.json", facets: [ORIGIN] };
  const { auth: restarted } = await open(moved, backend, clock);
  const answer = key.answerBrowser(await restarted.login.challenge("joe"));
  await refused(logIn(restarted, answer), restarted, /registered for https:\/\/gw\.example\.com:3080$/);
  const { token } = await restarted.signup.reset("joe", 3_600_000, "test");
  const { securityKey } = await restarted.signup.describe(new Secret(token));
  assert(securityKey);
  const registered = new Secret(JSON.stringify(key.register(securityKey)));
  await restarted.signup.complete(new Secret(token), new Secret(PASSWORD), registered);
  await logIn(restarted, key.answerBrowser(await restarted.login.challenge("joe")));
});

Deno.test("without security keys there is nothing to sign", async () => {
  for (const secondFactor of ["otp", "off"] as const) {
    const { auth } = await openAuth({ settings: { secondFactor } });
    const error = await assertRejects(
      () => auth.login.challenge("joe"),
      AppError,
      "does not use security keys",
    );
    assertEquals(error.code, "unsupported");
  }
});
