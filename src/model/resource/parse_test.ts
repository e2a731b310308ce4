import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { KIND_NAMES, KINDS, kindsCalled, parseReference } from "./kinds.ts";
import { checkDocument, parseDocument, problemText } from "./parse.ts";

const USER = { kind: "user", version: "v2", metadata: { name: "joe" }, spec: { roles: ["admin"] } };

/** What is wrong with a document, in words. */
function problems(tree: unknown): string[] {
  const checked = checkDocument(tree);
  return "problems" in checked ? checked.problems.map(problemText) : [];
}

/** `USER` with something else in its `spec`. */
const withSpec = (spec: unknown) => ({ ...USER, spec });

Deno.test("a resource must have kind, version and a name", () => {
  assertEquals(problems(USER), []);
  for (const [field, expected] of [["kind", "kind is missing"], ["version", "version is missing"]] as const) {
    assertEquals(problems({ ...USER, [field]: undefined }), [expected]);
    assertEquals(problems({ ...USER, [field]: null }), [expected]);
  }
  assertEquals(problems({ ...USER, metadata: {} }), ["metadata.name is missing"]);
  assertEquals(problems({ ...USER, kind: "usr" }), ['kind: "usr" is not supported; did you mean "user"?']);
  assertEquals(problems({ ...USER, version: "v9" }), ["version: expected one of v1, v2, v3"]);
  for (const kind of [{ toString: 5 }, ["user"], 5, true]) {
    assertEquals(problems({ ...USER, kind }), ["kind: expected text"]);
  }
  for (const tree of [null, "user", 5, [USER]]) {
    assertEquals(problems(tree), ["a resource is a mapping with kind, version, metadata and spec"]);
  }
});

Deno.test("unknown fields are named with the nearest known one, however deep, also those every object has", () => {
  assertEquals(problems({ ...USER, metdata: 1 }), ['unknown field "metdata"; did you mean "metadata"?']);
  assertEquals(problems(withSpec({ roles: [], satus: {}, status: { islocked: true } })), [
    'unknown field "satus" in spec; did you mean "status"?',
    'unknown field "islocked" in spec.status; did you mean "is_locked"?',
  ]);
  assertEquals(
    problems(withSpec({ roles: [], github_identities: [{ connector_id: "a", username: "b", c: 1 }] })),
    [
      'unknown field "c" in spec.github_identities[0]',
    ],
  );
  for (const name of ["constructor", "__proto__", "toString", "prototype", "hasOwnProperty"]) {
    const spec = Object.defineProperty({ roles: [] }, name, { value: 1, enumerable: true });
    assertEquals(problems(withSpec(spec)), [`unknown field "${name}" in spec`]);
  }
  const traits = JSON.parse('{"__proto__": ["a"], "constructor": ["b"]}');
  assertEquals(problems(withSpec({ roles: [], traits })).length, 2);
});

Deno.test("a list is not taken for a mapping, nor the other way round", () => {
  assertEquals(problems(withSpec([])).includes("spec: expected keys with values"), true);
  assertEquals(problems({ ...USER, metadata: [1] }).includes("metadata: expected keys with values"), true);
  assertEquals(problems(withSpec({ roles: { 0: "admin" } })), ["spec.roles: expected a list"]);
  assertEquals(problems(withSpec({ roles: "admin" })), ["spec.roles: expected a list"]);
  assertEquals(problems(withSpec({ roles: [["admin"]] })), ["spec.roles[0]: expected text"]);
});

Deno.test("values come as JSON has them, or as the text of a YAML file", () => {
  const parse = (is_locked: unknown) => {
    const document = parseDocument(withSpec({ roles: [], status: { is_locked } }));
    return document.kind === "user" && document.spec.status?.is_locked;
  };
  assertEquals([true, "true", "yes", "on"].map(parse), [true, true, true, true]);
  assertEquals([false, "false", "no", "off"].map(parse), [false, false, false, false]);
  for (const bad of ["maybe", "", 1, "TRUE "]) {
    assertEquals(problems(withSpec({ roles: [], status: { is_locked: bad } })), [
      "spec.status.is_locked: expected true or false",
    ]);
  }
  for (const bad of ["soon", "2018-13-01T00:00:00Z", "2018-05-01", 5]) {
    assertEquals(problems(withSpec({ roles: [], expires: bad })).length, 1, String(bad));
  }
});

Deno.test("a secret that is wrong is not repeated in the message", () => {
  const secret = "hunter2 \u0000 hunter2";
  const trees = [
    withSpec({ roles: [], local_auth: { password_hash: secret, otp_secret: secret } }),
    { kind: "token", version: "v2", metadata: { name: "x" }, spec: { token: secret, roles: ["node"] } },
    { kind: "github", version: "v3", metadata: { name: "x" }, spec: { client_secret: [secret] } },
    {
      kind: "cert_authority",
      version: "v2",
      metadata: { name: "x" },
      spec: { type: secret, signing_keys: [5] },
    },
  ];
  for (const tree of trees) {
    const error = assertThrows(() => parseDocument(tree), AppError);
    assertEquals(error.message.includes("hunter2"), false, error.message);
  }
});

Deno.test("a password hash out of a backup cannot make a login expensive", () => {
  const hash = (n: number, r: number, p: number) =>
    `scrypt$${n}$${r}$${p}$${"A".repeat(22)}==$${"A".repeat(43)}=`;
  const good = (passwordHash: string) =>
    problems(withSpec({ roles: [], local_auth: { password_hash: passwordHash } })).length === 0;
  assertEquals(good(hash(2 ** 15, 8, 3)), true);
  for (
    const bad of [
      hash(2 ** 20, 8, 1),
      hash(2 ** 15, 99, 1),
      hash(2 ** 15, 8, 99),
      hash(1000, 8, 1),
      hash(0, 8, 1),
      "x",
    ]
  ) {
    assertEquals(good(bad), false, bad);
  }
});

Deno.test("what the configuration file or the cluster itself sets cannot be created, and the message says where it is set", () => {
  const refused = KIND_NAMES.filter((kind) => KINDS[kind].notCreated !== undefined);
  assertEquals(refused.length, 10);
  for (const kind of refused) {
    const [problem = ""] = problems({ kind, version: "v2", metadata: { name: "x" }, spec: {} });
    assertEquals(
      problem,
      `kind: creating resources of type "${kind}" is not supported: ${KINDS[kind].notCreated}`,
    );
  }
});

Deno.test("every alias of a kind means that kind alone", () => {
  const all = KIND_NAMES.flatMap((kind) => [kind, ...KINDS[kind].aliases]);
  assertEquals(all.length, new Set(all).size);
  for (const kind of KIND_NAMES) {
    for (const word of [kind, ...KINDS[kind].aliases]) assertEquals(kindsCalled(word), [kind]);
  }
  assertEquals(kindsCalled("connectors"), ["github", "oidc", "saml"]);
  assertEquals(parseReference("users/a/b"), { kinds: ["user"], name: "a/b" });
  assertThrows(() => parseReference("users/"), AppError, "names nothing");
  assertThrows(() => parseReference("rols"), AppError, 'did you mean "role"?');
});
