import { assert, assertEquals } from "@std/assert";
import { stringify } from "@std/yaml";
import fc from "fast-check";
import { AppError } from "../../base/errors.ts";
import { type DaemonConfig, loadConfig, type StartFlags } from "./load.ts";
import { fileSchema } from "./schema.ts";

const SECTIONS = Object.keys(fileSchema.entries);
const KEYS = [
  ...new Set(Object.values(fileSchema.entries).flatMap((section) => Object.keys(section.entries))),
];

/** The configuration, or the AppError; anything else that is thrown fails the test. */
async function attempt(text: string, flags: StartFlags = {}): Promise<DaemonConfig | AppError> {
  try {
    return await loadConfig(flags, {
      hostname: "box",
      uid: 0,
      home: "/root",
      cwd: "/",
      readTextFile: (path) =>
        path === "/etc/teleport.yaml"
          ? Promise.resolve(text)
          : Promise.reject(new Deno.errors.NotFound(path)),
    });
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...SECTIONS, ...KEYS) },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "<<", "", "nodname") },
  { weight: 1, arbitrary: fc.string() },
);
const scalar = fc.oneof(
  fc.constantFrom(
    "yes",
    "no",
    "off",
    "1",
    "127.0.0.1:0",
    "dir",
    "node:x",
    "1m",
    "",
    "~",
    "/a",
    "stderr",
    "otp",
  ),
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("list"), tie("mapping")),
  list: fc.array(tie("tree"), { maxLength: 4 }),
  mapping: fc.dictionary(key, tie("tree"), { maxKeys: 5 }),
}));
const file = fc.dictionary(fc.oneof(fc.constantFrom(...SECTIONS), key), tree, { maxKeys: 4 });

Deno.test("any text loads or fails with an AppError", async () => {
  const char = fc.constantFrom(..."teleport:\n  - []{}&*!|>'\"#,~\t\u0000");
  const line = fc.tuple(
    fc.constantFrom("", "  ", "    ", "- "),
    key,
    fc.constantFrom(": ", ":\n", ":"),
    fc.string(),
  );
  const lines = fc.array(line.map((parts) => parts.join("")), { maxLength: 8 }).map((list) =>
    list.join("\n")
  );
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.string({ unit: char }), lines), async (text) => {
    await attempt(text);
  }));
});

Deno.test("any tree of keys loads or fails with an AppError of one line a problem", async () => {
  await fc.assert(
    fc.asyncProperty(file, async (content) => {
      const outcome = await attempt(stringify(content));
      if (outcome instanceof AppError) {
        assert(outcome.message.split("\n").length <= 11);
        assert(!/[^\P{Cc}\n]/u.test(outcome.message), "control characters in a message");
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("an unknown key is never accepted, wherever it stands", async () => {
  const known = new Set([...SECTIONS, ...KEYS]);
  const unknown = fc.oneof(
    fc.string(),
    fc.constantFrom("__proto__", "constructor", "prototype", "hasOwnProperty"),
  )
    .filter((name) => !known.has(name));
  const paths = fc.constantFrom(
    [],
    ...SECTIONS.map((section) => [section]),
    ["teleport", "log"],
    ["teleport", "storage"],
    ["teleport", "connection_limits"],
    ["teleport", "cache"],
    ["auth_service", "authentication"],
    ["auth_service", "authentication", "u2f"],
    ["ssh_service", "pam"],
  );
  await fc.assert(fc.asyncProperty(paths, unknown, tree, async (path, name, value) => {
    const inner: Record<string, unknown> = Object.fromEntries([[name, value]]);
    const content = path.reduceRight((below, section) => ({ [section]: below }), inner);
    const outcome = await attempt(stringify(content));
    assert(outcome instanceof AppError, `accepted ${JSON.stringify(content)}`);
  }));
});

Deno.test("any flags load or fail with an AppError", async () => {
  const text = fc.option(fc.oneof(fc.string(), scalar.map(String)), { nil: undefined });
  const flags = fc.record({
    roles: text,
    pidFile: text,
    advertiseIp: text,
    listenIp: text,
    authServer: fc.array(fc.string(), { maxLength: 2 }),
    token: text,
    nodename: text,
    labels: text,
    caPin: fc.array(fc.string(), { maxLength: 2 }),
    configString: text,
  }, { requiredKeys: [] });
  await fc.assert(fc.asyncProperty(flags, async (given) => {
    await attempt("", given);
  }));
});

Deno.test("a loaded configuration has a place to dial and a role to run", async () => {
  await fc.assert(fc.asyncProperty(file, async (content) => {
    const outcome = await attempt(stringify(content));
    if (outcome instanceof AppError) return;
    assert(outcome.roles.size > 0 && outcome.authServers.length > 0 && outcome.proxy.publicAddrs.length > 0);
    assertEquals(outcome.node.labels.commands.every(({ periodMs }) => periodMs >= 1000), true);
  }));
});
