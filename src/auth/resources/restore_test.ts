import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import { formatPrivateKey, generateKey } from "../../ssh/private_key.ts";
import { codeAt, logIn, signUp } from "../../../tests/kit/auth_fixture.ts";
import { ADMINISTRATOR, refusal, setUp } from "./testing/setting.ts";

Deno.test("a user's credentials come back from a backup, codes that were used stay used", async () => {
  await using old = await setUp();
  const secret = await signUp(old.auth, "joe");
  const backup = await old.get("user", "joe", true);
  await using fresh = await setUp();
  const { revision: _revision, ...metadata } = backup.metadata;
  const outcome = await fresh.put({ ...backup, metadata });
  assertEquals(outcome, { change: "created" });
  const usedAlready = codeAt(secret, fresh.clock.now());
  await assertRejects(() => logIn(fresh.auth, { user: "joe", code: usedAlready }), AppError, "used already");
  await fresh.clock.advance(30_000);
  assertEquals((await logIn(fresh.auth, { user: "joe", secret })).name, "joe");
  const kept = (await fresh.get("user", "joe")).spec?.created_by;
  assertEquals(kept, backup.spec?.created_by);
});

Deno.test("a certificate authority is restored only whole, for this cluster, and with keys of its own", async () => {
  await using setting = await setUp();
  const { auth, handlers, put } = setting;
  const authorities = await handlers["resources.list"](
    { kind: "cert_authority", withSecrets: true },
    ADMINISTRATOR,
  );
  const [users, hosts] = authorities.map((
    { revision: _r, ...rest }: ResourceDocument & { revision?: string },
  ) => rest);
  if (!users || !hosts) throw new Error("an authority is missing");
  assertEquals((await put(users)).change, "unchanged");
  const other = generateKey();
  const keys = { signing_keys: [formatPrivateKey(other, "x")], checking_keys: [other.publicKey.toLine()] };
  const changed = (document: ResourceDocument, spec: Record<string, unknown>) => ({
    ...document,
    spec: { ...document.spec, ...spec },
  });
  const bad: [unknown, string][] = [
    [changed(users, { cluster_name: "east" }), 'is of cluster "east"'],
    [changed(users, { signing_keys: undefined }), "--with-secrets"],
    [
      changed(users, { signing_keys: ["no key"], checking_keys: undefined }),
      "signing_keys[0] cannot be read",
    ],
    [
      changed(users, { signing_keys: hosts.spec?.signing_keys, checking_keys: undefined }),
      "never share a key",
    ],
    [changed(users, { ...keys, checking_keys: users.spec?.checking_keys }), "are not the public parts"],
  ];
  for (const [document, message] of bad) assertStringIncludes(await refusal(put(document)), message);

  const before = auth.authorities.trusted("host")[0];
  await put(changed(users, keys));
  const restored = await put(
    changed(hosts, {
      ...keys,
      signing_keys: [formatPrivateKey(generateKey(), "y")],
      checking_keys: undefined,
    }),
  );
  assertStringIncludes(restored.advice ?? "", "restart teleport");
  assertEquals(auth.authorities.trusted("user").map((key) => key.toLine()), [other.publicKey.toLine()]);
  assertEquals(auth.authorities.trusted("host").length, 2);
  assert(before && auth.authorities.trusted("host")[1]?.equals(before), "hosts of the old CA stay trusted");
  assert(auth.authorities.signer("user").publicKey.equals(other.publicKey));
});

Deno.test("tokens go by a name that is not their value; a token for good belongs into the file", async () => {
  await using setting = await setUp();
  const { auth, clock, handlers, put, get } = setting;
  await auth.tokens.create(["node"], 60_000, "a-token-value");
  const [listed] = await handlers["resources.list"]({ kind: "token" }, ADMINISTRATOR);
  const name = listed?.metadata.name ?? "";
  assertEquals(/^[0-9a-f]{12}$/.test(name), true);
  assertEquals((await put(listed)).change, "unchanged", "a value that is left out stays");
  const whole = await get("token", name, true);
  assertEquals((await put(whole)).change, "unchanged");
  assertStringIncludes(await refusal(put({ ...whole, metadata: { name } })), "no metadata.expires");
  await handlers["resources.remove"]({ kind: "token", name }, ADMINISTRATOR);
  assertStringIncludes(await refusal(put(listed)), "spec.token");
  assertEquals((await put(whole)).change, "created");
  const expires = new Date(clock.now() + 1000).toISOString();
  assertStringIncludes(
    await refusal(put({ ...whole, metadata: { name: "other", expires } })),
    "exists already",
  );
});
