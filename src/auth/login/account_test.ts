import { assert, assertEquals, assertRejects } from "@std/assert";
import { codeAt, logIn, openAuth, PASSWORD, secretOf, signUp } from "../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { HOUR } from "../../base/duration.ts";
import { AppError, type ErrorCode } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { ENROLMENT, LOCKOUT } from "../../model/limits.ts";

const NEW = "a new horse battery";
const KEPT = "a".repeat(64), OTHER = "b".repeat(64);

async function withJoe() {
  const clock = new FakeClock();
  const { auth } = await openAuth({ clock });
  const secret = await signUp(auth, "joe");
  for (const id of [KEPT, OTHER]) {
    const now = clock.now();
    const record = { user: "joe", certificate: "", sealedKey: "", created: now, expires: now + 12 * HOUR };
    await auth.webSessions.create(id, record, await auth.webSessions.stamp("joe"));
  }
  await clock.advance(30_000);
  const proof = (password = PASSWORD, from = secret) => ({
    user: "joe",
    password: new Secret(password),
    factor: new Secret(codeAt(from, clock.now())),
    address: "192.0.2.7",
  });
  const goesOn = async (id: string) => await auth.webSessions.get({ user: "joe", id }) !== undefined;
  return { auth, clock, secret, proof, goesOn };
}

async function fails(attempt: Promise<unknown>, code: ErrorCode): Promise<AppError> {
  const error = await assertRejects(() => attempt, AppError);
  assertEquals(error.code, code, error.message);
  return error;
}

Deno.test("a changed password rules at once, and ends every web session but the own", async () => {
  const { auth, clock, secret, proof, goesOn } = await withJoe();
  await auth.account.changePassword(proof(), new Secret(NEW), KEPT);
  assertEquals([await goesOn(KEPT), await goesOn(OTHER)], [true, false]);
  await clock.advance(30_000);
  await fails(logIn(auth, { user: "joe", secret }), "unauthenticated");
  await logIn(auth, { user: "joe", password: NEW, secret });
});

Deno.test("a password that breaks the rules, or is the old one, is refused", async () => {
  const { auth, clock, proof, goesOn } = await withJoe();
  await fails(auth.account.changePassword(proof(), new Secret("short"), KEPT), "bad_input");
  await fails(auth.account.changePassword(proof(), new Secret(PASSWORD), KEPT), "bad_input");
  await clock.advance(30_000);
  assert(await goesOn(OTHER));
});

Deno.test("wrong passwords and codes of who is signed in lock the account like failed logins, and are events", async () => {
  const { auth, clock, proof } = await withJoe();
  for (let i = 0; i < LOCKOUT.failures; i++) {
    const attempt = i % 2 === 0
      ? auth.account.changePassword(proof("wrong password"), new Secret(NEW), KEPT)
      : auth.account.enroll({ ...proof(), factor: new Secret("") });
    await fails(attempt, "unauthenticated");
  }
  await fails(auth.account.changePassword(proof(), new Secret(NEW), KEPT), "unauthenticated");
  const errors = (await auth.audit.search({ events: ["auth"] })).map(({ error }) =>
    String(error).split(" until")[0]
  );
  assertEquals(errors.toSorted(), [
    "locked",
    "wrong code",
    "wrong code",
    "wrong password",
    "wrong password",
    "wrong password",
  ]);
  assertEquals((await auth.audit.search({ events: ["user.lock"] })).length, 1);
  await clock.advance(LOCKOUT.lock);
  await auth.account.changePassword(proof(), new Secret(NEW), KEPT);
});

Deno.test("a code that was used proves nothing a second time", async () => {
  const { auth, proof } = await withJoe();
  const { otpUri } = await auth.account.enroll(proof());
  assert(otpUri?.startsWith("otpauth://"));
  await fails(auth.account.changePassword(proof(), new Secret(NEW), KEPT), "unauthenticated");
});

Deno.test("a new second factor rules once it is proven, not before", async () => {
  const { auth, clock, secret, proof, goesOn } = await withJoe();
  const { otpUri } = await auth.account.enroll(proof());
  const next = secretOf(otpUri ?? "");
  await clock.advance(30_000);
  await fails(logIn(auth, { user: "joe", secret: next }), "unauthenticated");
  await logIn(auth, { user: "joe", secret });
  await fails(auth.account.confirm("joe", new Secret(codeAt(secret, clock.now())), KEPT), "bad_input");
  assertEquals([await goesOn(KEPT), await goesOn(OTHER)], [true, true]);
  await auth.account.confirm("joe", new Secret(codeAt(next, clock.now())), KEPT);
  assertEquals([await goesOn(KEPT), await goesOn(OTHER)], [true, false]);
  await fails(logIn(auth, { user: "joe", secret: next }), "unauthenticated"); // its code was used
  await clock.advance(30_000);
  await logIn(auth, { user: "joe", secret: next });
  await fails(logIn(auth, { user: "joe", secret }), "unauthenticated");
  await fails(auth.account.confirm("joe", new Secret(codeAt(next, clock.now())), KEPT), "not_found");
});

Deno.test("a proposed second factor is void after its time, after too many wrong codes, and after another password", async () => {
  const ends: ((joe: Awaited<ReturnType<typeof withJoe>>) => Promise<unknown>)[] = [
    ({ clock }) => clock.advance(ENROLMENT.ttl),
    async ({ auth }) => {
      for (let i = 0; i < ENROLMENT.failures; i++) {
        await fails(auth.account.confirm("joe", new Secret("000000"), KEPT), "bad_input");
      }
    },
    async ({ auth, clock, proof }) => {
      await clock.advance(30_000);
      await auth.account.changePassword(proof(), new Secret(NEW), KEPT);
    },
  ];
  for (const end of ends) {
    const joe = await withJoe();
    const { otpUri } = await joe.auth.account.enroll(joe.proof());
    await end(joe);
    const code = new Secret(codeAt(secretOf(otpUri ?? ""), joe.clock.now()));
    await fails(joe.auth.account.confirm("joe", code, KEPT), "not_found");
  }
});
