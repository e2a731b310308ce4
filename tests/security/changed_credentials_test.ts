/**
 * Somebody who knows the old password is at it in the very moment in which its owner chooses another one.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { CallContext } from "../../src/api/serve.ts";
import { authHandlers } from "../../src/auth/handlers.ts";
import { AppError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import type { HostIdentity } from "../../src/model/identity.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { codeAt, openAuth, PASSWORD, signUp } from "../kit/auth_fixture.ts";
import { FakeClock } from "../kit/clock.ts";

const ID = "c".repeat(64);

/** Between the look at the old password and what it was to open, the owner's change arrives. */
async function overtaken() {
  const clock = new FakeClock();
  const { auth } = await openAuth({ clock });
  const secret = await signUp(auth, "joe");
  await clock.advance(30_000);
  const { login, users } = auth;
  const check = login.check.bind(login);
  login.check = async (...attempt) => {
    const user = await check(...attempt);
    const [found, known] = await Promise.all([users.stored("joe"), users.credentials("joe")]);
    assert(found && known);
    await users.update(found.user, found.version, { ...known.credentials, passwordHash: "the owner's" });
    return user;
  };
  const factor = codeAt(secret, clock.now());
  const proof = {
    user: "joe",
    password: new Secret(PASSWORD),
    factor: new Secret(factor),
    address: "192.0.2.7",
  };
  return { auth, proof, factor };
}

Deno.test("a web login that was proven with the old password opens no session once there is a new one", async () => {
  const { auth, factor } = await overtaken();
  const context = { identity: {} as HostIdentity, address: "192.0.2.7" } as unknown as CallContext;
  const opened = authHandlers(auth)["web_sessions.create"]({
    user: "joe",
    password: PASSWORD,
    otp: factor,
    address: "192.0.2.7",
    id: ID,
    publicKey: generateKey().publicKey.toLine(),
    sealedKey: "sealed",
  }, context);
  await assertRejects(() => Promise.resolve(opened), AppError, "changed meanwhile");
  assertEquals(await auth.webSessions.get({ user: "joe", id: ID }), undefined);
});

Deno.test("a change of the account that was proven with the old password changes nothing once there is a new one", async () => {
  const { auth, proof } = await overtaken();
  await assertRejects(
    () => auth.account.changePassword(proof, new Secret("the thief's own choice"), undefined),
    AppError,
    "changed meanwhile",
  );
  assertEquals((await auth.users.credentials("joe"))?.credentials.passwordHash, "the owner's");
  const other = await overtaken();
  await assertRejects(() => other.auth.account.enroll(other.proof), AppError, "changed meanwhile");
  assertEquals(await other.auth.backend.get(["otp_enrolment", "joe"]), undefined);
});
