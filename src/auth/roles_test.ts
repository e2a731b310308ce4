import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { HOUR } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { BUILT_IN_ROLES, DEFAULT_OPTIONS, NO_CONDITIONS } from "../model/admin_role.ts";
import type { Role } from "../model/role.ts";
import { MemoryBackend } from "../store/memory.ts";
import { Roles } from "./roles.ts";

const dev = (change: Partial<Role> = {}): Role => ({
  name: "dev",
  options: DEFAULT_OPTIONS,
  allow: { logins: ["joe"], nodeLabels: { env: ["staging"] }, rules: [] },
  deny: NO_CONDITIONS,
  ...change,
});

function open() {
  const clock = new FakeClock();
  let changes = 0;
  const roles = new Roles(new MemoryBackend(clock), clock, () => changes++);
  return { clock, roles, changes: () => changes };
}

Deno.test("a role is written, read, listed and removed, and every change is told", async () => {
  const { roles, changes } = open();
  assertEquals(await roles.get("dev"), undefined);
  await roles.put(dev(), "absent");
  assertEquals((await roles.get("dev"))?.role, dev());
  assertEquals((await roles.list()).map(({ role }) => role.name), ["admin", "dev"]);
  assertEquals((await roles.named(["dev", "gone", "dev"])).length, 1);
  assertEquals(await roles.missing(["dev", "gone", "admin"]), ["gone"]);
  await roles.remove("dev");
  await assertRejects(() => roles.remove("dev"), AppError, 'role "dev" does not exist');
  assertEquals(changes(), 2);
});

Deno.test("a write says what it expects, and a change in between is a conflict", async () => {
  const { roles } = open();
  await roles.put(dev(), "absent");
  await assertRejects(() => roles.put(dev(), "absent"), AppError, "already exists");
  const version = (await roles.get("dev"))?.version ?? "";
  await roles.put(dev({ description: "one" }), { version });
  const error = await assertRejects(() => roles.put(dev({ description: "two" }), { version }), AppError);
  assertEquals(error.code, "conflict");
  await roles.put(dev({ description: "three" }), "any");
  assertEquals((await roles.get("dev"))?.role.description, "three");
});

Deno.test("the built-in role can neither be changed nor removed, but restored as it is", async () => {
  const { roles, changes } = open();
  const admin = BUILT_IN_ROLES.get("admin");
  assert(admin);
  const { name, ...rest } = admin;
  await roles.put({ ...rest, name }, "any");
  await assertRejects(
    () => roles.put({ ...admin, deny: { ...NO_CONDITIONS, logins: ["x"] } }, "any"),
    AppError,
    "built in",
  );
  await assertRejects(() => roles.put(admin, "absent"), AppError, "built in");
  await assertRejects(() => roles.remove("admin"), AppError, "built in");
  assertEquals((await roles.get("admin"))?.role, admin);
  assertEquals(changes(), 0);
});

Deno.test("a role that cannot be meant is not stored", async () => {
  const { roles } = open();
  const bad = dev({ allow: { ...NO_CONDITIONS, logins: ["*"] } });
  await assertRejects(() => roles.put(bad, "absent"), AppError, "spec.allow.logins");
  assertEquals(await roles.get("dev"), undefined);
});

Deno.test("an expired role is gone", async () => {
  const { clock, roles } = open();
  await roles.put(dev({ expires: clock.now() + HOUR }), "absent");
  assertEquals((await roles.named(["dev"])).length, 1);
  await clock.advance(HOUR);
  assertEquals(await roles.named(["dev"]), []);
  assertEquals((await roles.list()).length, 1);
});
