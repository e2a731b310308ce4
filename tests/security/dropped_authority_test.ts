import { assertEquals, assertRejects } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import { startAuth } from "../kit/auth_fixture.ts";

Deno.test("who came with a certificate of a dropped authority learns whom to trust, and gets nothing else", async () => {
  await using fixture = await startAuth();
  await fixture.putUser("root");
  const { authorities, rotator } = fixture.auth;
  const stolen = { host: authorities.signer("host"), user: authorities.signer("user") };
  const admin = await fixture.connect(fixture.hostLogin("admin", crypto.randomUUID(), { ca: stolen.host }));
  const user = await fixture.connect(fixture.userLogin("root", { ca: stolen.user }));
  await admin.api.call("users.list", {});
  await rotator.rotate({ kinds: ["user", "host"], mode: "auto", graceMs: 0 }, {
    name: "admin",
    address: "-",
  });

  const authority = { kind: "cert_authority", name: fixture.cluster, withSecrets: true } as const;
  await assertRejects(() => admin.api.call("resources.get", authority), AppError, "trusted no more");
  await assertRejects(() => admin.api.call("users.list", {}), AppError, "trusted no more");
  await assertRejects(() => user.api.call("recordings.list", {}), AppError, "trusted no more");
  const told = await user.api.call("authorities.list", {});
  assertEquals(JSON.stringify(told), JSON.stringify(authorities.list()));
});
