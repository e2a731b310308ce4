import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { validateRole } from "../role_rules.ts";
import { parseDocument } from "./parse.ts";
import { roleDocument, roleOf } from "./role.ts";
import { userDocument, userOf, type UserRecord } from "./user.ts";

const NOW = Date.UTC(2026, 0, 1);
const name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,20}$/);
const text = fc.string({ maxLength: 40 }).filter((value) => !/[\p{Cc}]/u.test(value));
const time = fc.integer({ min: 1, max: Date.UTC(2500, 0, 1) });
const sometimes = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

/** Drops what is undefined, as a trip through JSON does. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

const user: fc.Arbitrary<UserRecord> = fc.record({
  name,
  roles: fc.uniqueArray(name, { maxLength: 4 }),
  traits: fc.dictionary(
    name.filter((key) => key !== "constructor" && key !== "prototype"),
    fc.uniqueArray(name, { maxLength: 4 }),
    { maxKeys: 4 },
  ),
  lock: sometimes(fc.record({ message: text, since: time, until: time })),
  expires: sometimes(time),
  created: time,
  createdBy: name,
  description: sometimes(text),
  labels: sometimes(fc.constant({ team: "db" })),
  identities: sometimes(
    fc.record({
      github: fc.array(fc.record({ connector: name, username: name }), { minLength: 1, maxLength: 2 }),
    }),
  ),
});

Deno.test("a user is the same after a trip through its document", () => {
  fc.assert(fc.property(user, (given) => {
    const document = plain(userDocument(given, { revision: "7", lock: given.lock }));
    const parsed = parseDocument(document);
    if (parsed.kind !== "user") throw new Error("another kind");
    assertEquals(plain(userOf(parsed, NOW).user), plain(given));
    assertEquals(parsed.metadata.revision, "7");
  }));
});

Deno.test("a user's credentials are in the document only when they are given, and come back whole", () => {
  const given: UserRecord = { name: "joe", roles: [], traits: {}, created: NOW, createdBy: "a" };
  const auth = {
    passwordHash: `scrypt$32768$8$3$${"A".repeat(22)}==$${"B".repeat(43)}=`,
    otpSecret: "ABCDEFGHABCDEFGH",
    lastOtpStep: 59845385,
  };
  assertEquals(JSON.stringify(userDocument(given, {})).includes("local_auth"), false);
  const parsed = parseDocument(plain(userDocument(given, { auth })));
  assertEquals(parsed.kind === "user" && userOf(parsed, NOW).auth, auth);
});

Deno.test("a role is the same after a trip through its document", () => {
  const minutes = fc.integer({ min: 1, max: 1800 }).map((count) => count * 60_000);
  const side = fc.record({
    logins: fc.uniqueArray(name, { maxLength: 3 }),
    nodeLabels: fc.dictionary(
      fc.constantFrom("env", "zone"),
      fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
    ),
    rules: fc.array(
      fc.record({
        resources: fc.constant(["role"]),
        verbs: fc.constant(["list", "*"] as const),
        where: fc.constant('equals(resource.metadata.name, "x")'),
      }),
      { maxLength: 2 },
    ),
  });
  const role = fc.record({
    name,
    description: sometimes(text),
    expires: sometimes(time),
    options: fc.record({
      maxSessionTtl: minutes,
      forwardAgent: fc.boolean(),
      portForwarding: fc.boolean(),
      x11Forwarding: fc.boolean(),
      clientIdleTimeout: fc.integer({ min: 0, max: 100_000 }).map((seconds) => seconds * 1000),
      disconnectExpiredCert: fc.boolean(),
      certFormat: fc.constantFrom("standard" as const, "oldssh" as const),
    }),
    allow: side,
    deny: side,
  });
  fc.assert(fc.property(role, (given) => {
    validateRole(given);
    const parsed = parseDocument(plain(roleDocument(given, undefined)));
    if (parsed.kind !== "role") throw new Error("another kind");
    assertEquals(plain(roleOf(parsed)), plain(given));
  }));
});

Deno.test("a role that says nothing allows nothing", () => {
  const parsed = parseDocument({ kind: "role", version: "v3", metadata: { name: "dev" }, spec: {} });
  const role = parsed.kind === "role" ? roleOf(parsed) : undefined;
  assertEquals([role?.allow, role?.deny], [
    { logins: [], nodeLabels: {}, rules: [] },
    { logins: [], nodeLabels: {}, rules: [] },
  ]);
  assertEquals(role?.options.forwardAgent, false);
});
