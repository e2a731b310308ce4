import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import { startAuth } from "../kit/auth_fixture.ts";
import { OwnCluster } from "../kit/certified_user.ts";
import { withoutRoot } from "../kit/machine.ts";

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

Deno.test("a connection straight to a node ends when the authority of its certificate is dropped", {
  ignore: withoutRoot("a login as somebody else"),
}, async () => {
  await using cluster = await OwnCluster.start();
  const joe = await cluster.user("joe", ["root"], []);
  const client = await cluster.connect(joe);
  await client.exec("sleep 1000");
  await cluster.daemon.tctlOk("auth", "rotate", "--type=user", "--grace-period=0");
  const start = performance.now();
  await client.closed;
  assertLess(performance.now() - start, 5000);
  const { reason } = await cluster.daemon.event("client.disconnect", ({ user }) => user === "joe");
  assertStringIncludes(String(reason), "trusted no more");
});
