import { assert, assertEquals } from "@std/assert";
import { codeAt, openAuth, PASSWORD, signUp } from "../../tests/kit/auth_fixture.ts";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { Secret } from "../base/secret.ts";
import { HOUR } from "../base/duration.ts";
import { WEB_SESSION } from "../model/limits.ts";
import { MemoryBackend } from "../store/memory.ts";

const ID = (n: number) => n.toString(16).padStart(64, "0");

async function withJoe() {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  const { auth } = await openAuth({ clock, backend });
  const secret = await signUp(auth, "joe");
  await clock.advance(30_000);
  const open = async (n: number, user = "joe") => {
    const record = {
      user,
      certificate: "certificate",
      sealedKey: "sealed",
      created: clock.now(),
      expires: clock.now() + 12 * HOUR,
    };
    await auth.webSessions.create(ID(n), record, await auth.webSessions.stamp(user));
  };
  const get = (n: number, user = "joe") => auth.webSessions.get({ user, id: ID(n) });
  return { auth, clock, backend, secret, open, get };
}

Deno.test("a web session is found by user and id until it expires", async () => {
  const { open, get, clock } = await withJoe();
  await open(1);
  const found = await get(1);
  assertEquals([found?.user, found?.certificate, found?.sealedKey], ["joe", "certificate", "sealed"]);
  assertEquals(found && "stamp" in found, false);
  assertEquals([await get(2), await get(1, "ann")], [undefined, undefined]);
  await clock.advance(12 * HOUR - 1);
  assert(await get(1));
  await clock.advance(1);
  assertEquals(await get(1), undefined);
});

Deno.test("a web session ends with the password, the second factor, the account, and a lock; for good", async () => {
  const ends: [string, (joe: Awaited<ReturnType<typeof withJoe>>) => Promise<unknown>][] = [
    ["another password", async ({ auth }) => {
      const [found, known] = await Promise.all([auth.users.stored("joe"), auth.users.credentials("joe")]);
      assert(found && known);
      await auth.users.update(found.user, found.version, { ...known.credentials, passwordHash: "other" });
    }],
    ["another second factor", async ({ auth }) => {
      const [found, known] = await Promise.all([auth.users.stored("joe"), auth.users.credentials("joe")]);
      assert(found && known);
      await auth.users.update(found.user, found.version, { ...known.credentials, otpSecret: "OTHER" });
    }],
    ["a reset", ({ auth }) => auth.signup.reset("joe", HOUR, "admin")],
    ["the end of the account", ({ auth }) => auth.users.remove("joe")],
    ["another account of the name", async ({ auth, clock }) => {
      const user = await auth.users.get("joe");
      const known = await auth.users.credentials("joe");
      assert(user && known);
      await auth.users.remove("joe");
      await auth.users.create({ ...user, created: clock.now() }, known.credentials);
    }],
    ["a lock, also when it has ended", async ({ auth, clock }) => {
      await auth.users.change("joe", (user) => ({
        ...user,
        lock: { message: "", since: clock.now(), until: clock.now() + 1000 },
      }));
      await settle();
      await clock.advance(2000);
    }],
  ];
  for (const [what, end] of ends) {
    const joe = await withJoe();
    await joe.open(1);
    await end(joe);
    assertEquals(await joe.get(1), undefined, what);
    assertEquals(await joe.auth.webSessions.ended([{ user: "joe", id: ID(1) }]), [ID(1)]);
    assertEquals((await joe.backend.list(["web_session"])).length, 0, what);
  }
});

Deno.test("what changes nothing about who may sign in leaves web sessions alone", async () => {
  const { auth, open, get, clock, secret } = await withJoe();
  await open(1);
  await auth.users.change("joe", (user) => ({ ...user, roles: ["other"], traits: { logins: ["root"] } }));
  await auth.login.check({
    user: "joe",
    password: new Secret(PASSWORD),
    factor: new Secret(codeAt(secret, clock.now())),
    address: "192.0.2.7",
  });
  await settle();
  assert(await get(1));
});

Deno.test("of too many web sessions of one user the oldest ends, and others' are not touched", async () => {
  const { auth, open, get, clock } = await withJoe();
  await signUp(auth, "ann");
  await open(1000, "ann");
  for (let n = 0; n < WEB_SESSION.maxOfUser; n++) {
    await open(n);
    await clock.advance(1000);
  }
  assert(await get(0));
  await open(99);
  assertEquals(await get(0), undefined);
  assert(await get(1) && await get(99) && await get(1000, "ann"));
});
