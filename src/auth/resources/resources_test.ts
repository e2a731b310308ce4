import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { KIND_NAMES } from "../../model/resource/kinds.ts";
import { parseDocument } from "../../model/resource/parse.ts";
import { codeAt, logIn, signUp } from "../../../tests/kit/auth_fixture.ts";
import { settle } from "../../../tests/kit/clock.ts";
import { ADMINISTRATOR, github, refusal, setUp, user, userWith } from "./testing/setting.ts";

Deno.test("every kind can be listed, and without secrets shows none", async () => {
  await using setting = await setUp();
  const { handlers, put, auth } = setting;
  await signUp(auth, "joe");
  await put(github("github"));
  await auth.tokens.create(["node"], 60_000, "a-token-value");
  for (const kind of KIND_NAMES) {
    const plain = JSON.stringify(await handlers["resources.list"]({ kind }, ADMINISTRATOR));
    for (const secret of ["PRIVATE KEY", "very-secret", "scrypt$", "local_auth", "a-token-value"]) {
      assertEquals(plain.includes(secret), false, `${kind}: ${secret}`);
    }
  }
  const all = await Promise.all(
    KIND_NAMES.map((kind) => handlers["resources.list"]({ kind, withSecrets: true }, ADMINISTRATOR)),
  );
  for (const secret of ["PRIVATE KEY", "very-secret", "scrypt$", "otp_secret", "a-token-value"]) {
    assertStringIncludes(JSON.stringify(all), secret);
  }
});

Deno.test("a caller sees and changes only what the rules' where allows, and cannot lead a resource into or out of reach", async () => {
  await using setting = await setUp();
  const { handlers, put } = setting;
  await put(github("ours", { team: "ops" }));
  await put(github("theirs", { team: "db" }));
  const where = 'equals(resource.metadata.labels["team"], "ops")';
  const limited = userWith({
    resources: ["github"],
    verbs: ["list", "readnosecrets", "update", "delete"],
    where,
  });
  const listed = await handlers["resources.list"]({ kind: "github" }, limited);
  assertEquals(listed.map(({ metadata }) => metadata.name), ["ours"]);
  await handlers["resources.get"]({ kind: "github", name: "ours" }, limited);
  assertStringIncludes(
    await refusal(handlers["resources.get"]({ kind: "github", name: "theirs" }, limited)),
    "access_denied",
  );
  assertStringIncludes(
    await refusal(put(github("theirs", { team: "ops" }), "replace", limited)),
    "access_denied",
  );
  assertStringIncludes(
    await refusal(put(github("ours", { team: "db" }), "replace", limited)),
    "access_denied",
  );
  assertStringIncludes(
    await refusal(put(github("new", { team: "ops" }), "create", limited)),
    "access_denied",
  );
  assertStringIncludes(
    await refusal(handlers["resources.remove"]({ kind: "github", name: "theirs" }, limited)),
    "access_denied",
  );
  assertStringIncludes(
    await refusal(handlers["resources.list"]({ kind: "github", withSecrets: true }, limited)),
    "may not read the secrets",
  );
  await handlers["resources.remove"]({ kind: "github", name: "ours" }, limited);
});

Deno.test("who has no right to a kind learns nothing of it: not whether a name exists", async () => {
  await using setting = await setUp();
  const { auth, handlers, put } = setting;
  await signUp(auth, "joe");
  const nobody = userWith();
  for (const call of ["resources.get", "resources.remove"] as const) {
    const [known, unknown] = await Promise.all(
      ["joe", "nobody"].map((name) => refusal(handlers[call]({ kind: "user", name }, nobody))),
    );
    assertEquals(known, unknown);
    assertStringIncludes(known ?? "", "access_denied");
  }
  const [known, unknown] = await Promise.all(
    ["joe", "nobody"].map((name) => refusal(put(user(name), "replace", nobody))),
  );
  assertEquals(known, unknown);
  const denied = await auth.audit.search({ events: ["auth"] });
  assertEquals(denied.length, 6);
  assertEquals([denied[0]?.user, denied[0]?.success, denied[0]?.kind], ["olga", false, "user"]);
});

Deno.test("of two who create the same at once one is told that it exists, and of two changes one conflicts", async () => {
  await using setting = await setUp();
  const { put, get } = setting;
  for (const kind of ["github", "user", "role"] as const) {
    const document = {
      github: github("both"),
      user: user("both"),
      role: { kind: "role", version: "v3", metadata: { name: "both" }, spec: {} },
    }[kind];
    const made = await Promise.allSettled([put(document, "create"), put(document, "create")]);
    assertEquals(made.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"], kind);
    const before = await get(kind, "both");
    const described = (text: string) => ({ ...before, metadata: { ...before.metadata, description: text } });
    const changed = await Promise.allSettled([put(described("a")), put(described("b"))]);
    assertEquals(changed.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"], kind);
    assertStringIncludes(await refusal(put(described("c"))), "conflict");
    assertEquals((await put(await get(kind, "both"))).change, "unchanged");
  }
});

Deno.test("a write that was decided on another state of the record is refused, whatever it says itself", async () => {
  await using setting = await setUp();
  const { auth, put } = setting;
  const context = { existing: undefined, author: "a", now: auth.clock.now() };
  for (
    const document of [github("late"), user("late"), {
      kind: "role",
      version: "v3",
      metadata: { name: "late" },
      spec: {},
    }]
  ) {
    await put(document, "create");
    const changed = { ...document, metadata: { name: "late", description: "changed" } };
    assertStringIncludes(
      await refusal(auth.resources.put(parseDocument(changed), "create", context)),
      "conflict",
    );
  }
});

Deno.test("update needs a resource that is there: what was removed meanwhile does not come back", async () => {
  await using setting = await setUp();
  const { put, get, handlers } = setting;
  await put(user("joe"));
  const record = await get("user", "joe");
  await handlers["resources.remove"]({ kind: "user", name: "joe" }, ADMINISTRATOR);
  assertStringIncludes(await refusal(put(record, "update")), "not_found");
});

Deno.test("the lock in a user's document: shown after failed logins, kept while untouched, ended by is_locked false", async () => {
  await using setting = await setUp();
  const { auth, put, get } = setting;
  const secret = await signUp(auth, "joe");
  for (let i = 0; i < 5; i++) {
    await assertRejects(() => logIn(auth, { user: "joe", password: "wrong", secret }), AppError);
  }
  const shown = await get("user", "joe");
  assertEquals(shown.spec?.status, {
    is_locked: true,
    locked_message: "too many failed logins",
    locked_time: new Date(auth.clock.now()).toISOString().replace(".000Z", "Z"),
    lock_expires: new Date(auth.clock.now() + 20 * 60_000).toISOString().replace(".000Z", "Z"),
  });
  assertEquals((await put(shown)).change, "unchanged");
  assertEquals((await auth.users.get("joe"))?.lock, undefined, "no administrator's lock came of it");
  const { status: _status, ...rest } = shown.spec ?? {};
  assertEquals(
    (await put({ ...shown, spec: rest })).change,
    "unchanged",
    "nothing said about a lock leaves it",
  );
  assert(await auth.lockout.lockedUntil("joe") !== undefined);
  await put({ ...shown, spec: { ...shown.spec, status: { is_locked: false } } });
  assertEquals(await auth.lockout.lockedUntil("joe"), undefined);

  await put({ ...user("joe"), spec: { ...shown.spec, status: { is_locked: true } } });
  await assertRejects(
    () => logIn(auth, { user: "joe", code: codeAt(secret, auth.clock.now() + 30_000) }),
    AppError,
  );
  assertEquals((await get("user", "joe")).spec?.status, {
    is_locked: true,
    locked_time: new Date(auth.clock.now()).toISOString().replace(".000Z", "Z"),
    lock_expires: "0001-01-01T00:00:00Z",
  });
});

Deno.test("a user of a name that was removed does not inherit password, lock or open links", async () => {
  await using setting = await setUp();
  const { auth, backend, handlers, put } = setting;
  await signUp(auth, "joe");
  const { token } = await auth.signup.reset("joe", 60_000, "test");
  await handlers["resources.remove"]({ kind: "user", name: "joe" }, ADMINISTRATOR);
  assertEquals(await auth.signup.list(), []);
  const { advice = "" } = await put(user("joe"));
  assertStringIncludes(advice, "tctl users reset joe");
  assertEquals(await auth.users.credentials("joe"), undefined);
  assertEquals(await auth.signup.revoke(token), false);
  const left = JSON.stringify({ passwordHash: "x" });
  await backend.commit([{ type: "put", key: ["credentials", "ann"], value: left }]);
  await put(user("ann"));
  assertEquals(
    await auth.users.credentials("ann"),
    undefined,
    "nothing that was left over opens the account",
  );
});

Deno.test("when a user expires the watchers of users are told, and nothing of the user is left", async () => {
  await using setting = await setUp();
  const { auth, clock, put } = setting;
  await signUp(auth, "joe");
  const expires = new Date(clock.now() + 60_000).toISOString();
  await put({ ...user("joe", { expires }) });
  const told: string[] = [];
  await settle();
  auth.changes.forget((collection) => told.push(collection));
  await clock.advance(59_999);
  assertEquals(told, []);
  assert(await auth.users.credentials("joe") !== undefined);
  await clock.advance(1);
  assertEquals(told, ["users"]);
  assertEquals([await auth.users.get("joe"), await auth.users.credentials("joe")], [undefined, undefined]);
});

Deno.test("what is larger than the store takes is refused with a reason", async () => {
  await using setting = await setUp();
  const { put } = setting;
  const many = Array.from({ length: 200 }, (_, i) => `${i}-${"x".repeat(900)}`);
  const role = { allow: { node_labels: { env: many } } };
  const saml = {
    acs: "https://a.example/v1/webapi/saml/acs",
    entity_descriptor_url: "https://idp.example/metadata",
    attributes_to_roles: many.map((value) => ({ name: "groups", value, roles: ["admin"] })),
  };
  for (
    const document of [
      user("big", { traits: { groups: many } }),
      { kind: "role", version: "v3", metadata: { name: "big" }, spec: role },
      {
        kind: "saml",
        version: "v2",
        metadata: { name: "big" },
        spec: saml,
      },
    ]
  ) assertStringIncludes(await refusal(put(document)), "is larger than");
});
