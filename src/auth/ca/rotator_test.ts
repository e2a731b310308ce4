import { assert, assertEquals, assertRejects } from "@std/assert";
import { openAuth } from "../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { HOUR } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { MemoryBackend } from "../../store/memory.ts";
import type { AuthService } from "../service.ts";

const BY = { name: "admin", address: "127.0.0.1" };
const BOTH = ["user", "host"] as const;

/** Which of the keys that were there at the beginning are trusted, and which signs: `old` or `new`. */
function keysOf(auth: AuthService, before: ReturnType<AuthService["authorities"]["list"]>) {
  return auth.authorities.list().map(({ kind, keys }, i) =>
    `${kind} ${keys.map((key) => before[i]?.keys.includes(key) ? "old" : "new").join(",")}`
  );
}

async function fixture() {
  const clock = new FakeClock();
  const backend = new MemoryBackend(clock);
  const files = new MemoryFiles(clock);
  const open = async () => (await openAuth({ clock, backend, files })).auth;
  return { clock, open, auth: await open() };
}

Deno.test("both authorities go through an automatic rotation, which survives a restart in every phase", async () => {
  const { clock, open, auth: first } = await fixture();
  let auth = first;
  const before = auth.authorities.list();
  await auth.rotator.rotate({ kinds: BOTH, mode: "auto", graceMs: 3 * HOUR }, BY);
  const seen = [keysOf(auth, before).join("; ")];
  for (let third = 0; third < 3; third++) {
    auth.rotator.close();
    auth = await open();
    await clock.advance(HOUR + 60_000 * (third === 0 ? 1 : 0));
    seen.push(keysOf(auth, before).join("; "));
  }
  assertEquals(seen, [
    "user old,new; host old,new",
    "user new,old; host old,new",
    "user new,old; host new,old",
    "user new; host new",
  ]);
  const [user, host] = auth.authorities.list();
  assert(user?.rotated !== undefined && host?.rotated !== undefined);
  assertEquals([user.rotation, host.rotation], [undefined, undefined]);
  auth.rotator.close();
});

Deno.test("one authority can be rotated alone, and the other stays as it is", async () => {
  const { auth } = await fixture();
  const before = auth.authorities.list();
  await auth.rotator.rotate({ kinds: ["user"], mode: "manual", graceMs: HOUR }, BY);
  assertEquals(keysOf(auth, before), ["user old,new", "host old"]);
  auth.rotator.close();
});

Deno.test("without a grace period only the new keys are left, at once", async () => {
  const { auth } = await fixture();
  const before = auth.authorities.list();
  await auth.rotator.rotate({ kinds: BOTH, mode: "auto", graceMs: 0 }, BY);
  assertEquals(keysOf(auth, before), ["user new", "host new"]);
  auth.rotator.close();
});

Deno.test("a manual rotation waits for each phase, and a rollback leaves the old keys", async () => {
  const { clock, auth } = await fixture();
  const before = auth.authorities.list();
  const move = (phase?: "update_clients" | "update_servers" | "rollback" | "standby") =>
    auth.rotator.rotate({ kinds: BOTH, mode: "manual", graceMs: HOUR, phase }, BY);
  await move();
  await clock.advance(100 * HOUR);
  assertEquals(keysOf(auth, before), ["user old,new", "host old,new"]);
  await assertRejects(() => move(), AppError, "is being rotated already (phase init)");
  await assertRejects(() => move("update_servers"), AppError, "from update_clients, current phase is init");
  await move("update_clients");
  await move("update_servers");
  assertEquals(keysOf(auth, before), ["user new,old", "host new,old"]);
  await move("rollback");
  assertEquals(keysOf(auth, before), ["user old,new", "host old,new"]);
  await move("standby");
  assertEquals(keysOf(auth, before), ["user old", "host old"]);
  auth.rotator.close();
});

Deno.test("a rotation that fails for one authority changes neither", async () => {
  const { auth } = await fixture();
  await auth.rotator.rotate({ kinds: ["host"], mode: "manual", graceMs: HOUR }, BY);
  const before = auth.authorities.list();
  const again = () => auth.rotator.rotate({ kinds: BOTH, mode: "auto", graceMs: HOUR }, BY);
  await assertRejects(again, AppError, "the host CA is being rotated already");
  assertEquals(auth.authorities.list(), before);
  auth.rotator.close();
});

Deno.test("every step is in the audit log with who asked for it", async () => {
  const { clock, auth } = await fixture();
  await auth.rotator.rotate({ kinds: ["user"], mode: "auto", graceMs: 3 * HOUR }, BY);
  await clock.advance(2 * HOUR + 60_000);
  const events = await auth.audit.search({ events: ["ca.rotate"] });
  const told = events.map(({ phase, by }) => `${phase} by ${by}`).sort();
  assertEquals(told, ["init by admin", "update_clients by schedule", "update_servers by schedule"]);
  auth.rotator.close();
});
