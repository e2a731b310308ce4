import { assert, assertEquals, assertRejects } from "@std/assert";
import { codeAt, logIn, openAuth, PASSWORD, signUp } from "../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { HOUR } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { LOCKOUT } from "../../model/limits.ts";
import type { Backend, Entry, Key, Operation } from "../../store/backend.ts";
import { MemoryBackend } from "../../store/memory.ts";
import type { AuthService } from "../service.ts";
import { refusalText } from "./second_factor.ts";

const LOGIN_REFUSED = refusalText("password or code");

async function withJoe() {
  const clock = new FakeClock();
  const { auth } = await openAuth({ clock });
  const secret = await signUp(auth, "joe", ["joe", "root"]);
  await clock.advance(30_000); // the code of the invitation is spent
  return { auth, clock, secret };
}

async function refused(attempt: Promise<unknown>, text = LOGIN_REFUSED): Promise<void> {
  const error = await assertRejects(() => attempt, AppError);
  assertEquals(error.message, text);
  assertEquals(error.code, "unauthenticated");
}

async function lockOut(auth: AuthService, secret: string): Promise<void> {
  for (let i = 0; i < LOCKOUT.failures; i++) {
    await refused(logIn(auth, { user: "joe", password: "wrong password", secret }));
  }
}

const reasons = async (auth: AuthService) =>
  (await auth.audit.search({ events: ["user.login"] })).map((event) => event.error ?? "");

Deno.test("the right password with the right code logs in and is in the audit log", async () => {
  const { auth, secret } = await withJoe();
  const user = await logIn(auth, { user: "joe", secret });
  assertEquals(user.traits.logins, ["joe", "root"]);
  const [event] = await auth.audit.search({ events: ["user.login"] });
  assertEquals(event, {
    "addr.remote": "192.0.2.7",
    event: "user.login",
    method: "local",
    success: true,
    time: "2026-01-15T12:00:30Z",
    user: "joe",
  });
});

Deno.test("wrong password, wrong code and unknown user are refused with one text and logged with their reasons", async () => {
  const { auth, clock, secret } = await withJoe();
  await refused(logIn(auth, { user: "joe", password: "wrong password", secret }));
  await refused(logIn(auth, { user: "joe", code: codeAt(secret, clock.now() + 600_000) }));
  await refused(logIn(auth, { user: "joe", code: "" }));
  await refused(logIn(auth, { user: "joe", code: "12345" }));
  await refused(logIn(auth, { user: "nobody", secret }));
  await refused(logIn(auth, { user: "joe\n; rm -rf", secret }));
  assertEquals(await reasons(auth), [
    "wrong password",
    "wrong code",
    "wrong code",
    "wrong code",
    "no such user",
    "no such user",
  ]);
  const users = (await auth.audit.search({ events: ["user.login"] })).map((event) => event.user);
  assertEquals(users.slice(-2), ["nobody", "(malformed)"]);
});

Deno.test("a used code is refused, and so is an older one, without counting towards the lock", async () => {
  const { auth, clock, secret } = await withJoe();
  const code = codeAt(secret, clock.now());
  const older = codeAt(secret, clock.now() - 30_000);
  await logIn(auth, { user: "joe", code });
  for (let i = 0; i < LOCKOUT.failures + 1; i++) {
    await refused(logIn(auth, { user: "joe", code }), "this code was used already; wait for the next one");
  }
  await refused(
    logIn(auth, { user: "joe", code: older }),
    "this code was used already; wait for the next one",
  );
  await clock.advance(30_000);
  assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
});

Deno.test("of two logins with the same code at once exactly one succeeds", async () => {
  const { auth, secret } = await withJoe();
  const results = await Promise.allSettled([
    logIn(auth, { user: "joe", secret }),
    logIn(auth, { user: "joe", secret }),
  ]);
  assertEquals(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("five failures lock the account for twenty minutes, also for the right password", async () => {
  const { auth, clock, secret } = await withJoe();
  await lockOut(auth, secret);
  const locks = await auth.audit.search({ events: ["user.lock"] });
  assertEquals(locks.map((event) => event.user), ["joe"]);
  await refused(logIn(auth, { user: "joe", secret }));
  await clock.advance(LOCKOUT.lock - 1);
  await refused(logIn(auth, { user: "joe", secret }));
  await clock.advance(1);
  assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
});

Deno.test("failures while the account is locked do not extend the lock", async () => {
  const { auth, clock, secret } = await withJoe();
  await lockOut(auth, secret);
  await clock.advance(LOCKOUT.lock - 1);
  await lockOut(auth, secret);
  await clock.advance(1);
  assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
});

Deno.test("failures that lie half an hour apart do not lock", async () => {
  const { auth, clock, secret } = await withJoe();
  for (let i = 0; i < 2 * LOCKOUT.failures; i++) {
    await refused(logIn(auth, { user: "joe", password: "wrong password", secret }));
    await clock.advance(LOCKOUT.window / 4);
  }
  assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
});

Deno.test("a successful login forgets earlier failures", async () => {
  const { auth, clock, secret } = await withJoe();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < LOCKOUT.failures - 1; i++) {
      await refused(logIn(auth, { user: "joe", password: "wrong password", secret }));
    }
    assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
    await clock.advance(30_000);
  }
});

Deno.test("many guesses at once get no further than guesses one by one", async () => {
  const { auth, secret } = await withJoe();
  const guesses = Array.from(
    { length: 20 },
    (_, i) => logIn(auth, { user: "joe", password: `guess ${i}`, secret }),
  );
  const results = await Promise.allSettled([...guesses, logIn(auth, { user: "joe", secret })]);
  assertEquals(results.map((result) => result.status), results.map(() => "rejected"));
});

Deno.test("a locked account's failed logins are in the audit log with the end of the lock", async () => {
  const { auth, secret } = await withJoe();
  await lockOut(auth, secret);
  await refused(logIn(auth, { user: "joe", secret }));
  assertEquals((await reasons(auth)).at(-1), "locked until 2026-01-15T12:20:30.000Z");
});

Deno.test("an administrator's lock refuses the right password like a wrong one, until it ends", async () => {
  const { clock, auth, secret } = await withJoe();
  const joe = await auth.users.get("joe");
  assert(joe);
  const lock = { message: "on leave", since: clock.now(), until: clock.now() + HOUR };
  await auth.backend.commit([{ type: "put", key: ["user", "joe"], value: JSON.stringify({ ...joe, lock }) }]);
  for (let attempt = 0; attempt < 6; attempt++) {
    await clock.advance(30_000);
    await refused(logIn(auth, { user: "joe", secret }));
  }
  const [event] = await auth.audit.search({ events: ["user.login"] });
  assertEquals([event?.success, event?.error], [false, "the user is locked: on leave"]);
  assertEquals(await auth.audit.search({ events: ["user.lock"] }), [], "the right password is no guess");
  await clock.advanceTo(lock.until);
  assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
});

Deno.test("failures of one account and of unknown names do not lock another account", async () => {
  const { auth, secret } = await withJoe();
  for (let i = 0; i < 3 * LOCKOUT.failures; i++) {
    await refused(logIn(auth, { user: `nobody${i % 2}`, password: "wrong password", secret }));
  }
  assertEquals((await logIn(auth, { user: "joe", secret })).name, "joe");
});

/** Each derivation of a key reads the password once. */
class CountingSecret extends Secret<string> {
  reads = 0;
  override reveal(): string {
    this.reads++;
    return super.reveal();
  }
}

/** Counts what goes to the store, by kind. */
class CountingBackend implements Backend {
  calls: string[] = [];
  constructor(readonly inner: Backend) {}
  get(key: Key): Promise<Entry | undefined> {
    this.calls.push(`get ${key[0]}`);
    return this.inner.get(key);
  }
  list(prefix: Key): Promise<Entry[]> {
    this.calls.push(`list ${prefix[0]}`);
    return this.inner.list(prefix);
  }
  commit(operations: readonly Operation[]): Promise<boolean> {
    this.calls.push(`commit ${operations.map((op) => `${op.type} ${op.key[0]}`).join(", ")}`);
    return this.inner.commit(operations);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}

Deno.test("unknown user, wrong password, wrong code and locked account cost the same work", async () => {
  const clock = new FakeClock();
  const backend = new CountingBackend(new MemoryBackend(clock));
  const { auth, files } = await openAuth({ clock, backend });
  const secret = await signUp(auth, "joe");
  await clock.advance(30_000);
  const workOf = async (user: string, password: string, code: string) => {
    const counted = new CountingSecret(password);
    backend.calls = [];
    let writes = 0;
    files.beforeAppend = () => void writes++;
    const factor = new Secret(code);
    await refused(auth.login.check({ user, password: counted, factor, address: "192.0.2.7" }));
    return { derivations: counted.reads, store: backend.calls, writes };
  };
  const code = codeAt(secret, clock.now());
  const wrong = await workOf("joe", "wrong password", code);
  assertEquals(wrong.derivations, 1);
  assertEquals(await workOf("nobody", "wrong password", code), wrong);
  assertEquals(await workOf("not a name!", "wrong password", code), wrong);
  assertEquals(await workOf("joe", PASSWORD, "000000"), wrong);
  await workOf("joe", "wrong password", code);
  await workOf("joe", "wrong password", code);
  assertEquals(await workOf("joe", "wrong password", code), wrong, "the failure that locks");
  assertEquals(await auth.lockout.lockedUntil("joe"), clock.now() + LOCKOUT.lock);
  assertEquals(await workOf("joe", PASSWORD, code), wrong, "a locked account with the right password");
  assertEquals(await workOf("joe", "wrong password", code), wrong, "a locked account with a wrong one");
});

Deno.test("guesses at names that do not exist leave one entry in the store, whatever the names", async () => {
  const clock = new FakeClock();
  const { auth, backend } = await openAuth({ clock });
  for (let i = 0; i < 20; i++) await refused(logIn(auth, { user: `nobody${i}`, code: "000000" }));
  assertEquals((await backend.list(["lockout"])).length, 1);
});

Deno.test("with the second factor off the password alone logs in", async () => {
  const { auth } = await openAuth({ clock: new FakeClock(), settings: { secondFactor: "off" } });
  const { token } = await auth.signup.invite("joe", { roles: ["admin"], logins: ["joe"] }, 60_000, "test");
  await auth.signup.complete(new Secret(token), new Secret(PASSWORD), new Secret(""));
  assertEquals((await logIn(auth, { user: "joe", code: "" })).name, "joe");
  assertEquals((await logIn(auth, { user: "joe", code: "" })).name, "joe");
  await refused(logIn(auth, { user: "joe", password: "wrong password", code: "" }));
});

Deno.test("a removed user cannot log in", async () => {
  const { auth, secret } = await withJoe();
  await auth.users.remove("joe");
  await refused(logIn(auth, { user: "joe", secret }));
});

Deno.test("the store holds neither a password nor an invitation's token as a key", async () => {
  const clock = new FakeClock();
  const { auth, backend } = await openAuth({ clock });
  await signUp(auth, "joe");
  const { token } = await auth.signup.invite("ann", { roles: ["admin"], logins: ["ann"] }, 60_000, "test");
  const entries = await backend.list([]);
  assertEquals(entries.some((entry) => entry.value.includes(PASSWORD)), false);
  assertEquals(entries.some((entry) => entry.key.includes(token)), false);
});
