import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../base/errors.ts";
import { parseWhere } from "./where.ts";

const user = {
  metadata: { name: "joe" },
  spec: { traits: { groups: ["ops", "dev"], team: ["web"] }, roles: ["dev"] },
};
const resource = { metadata: { name: "luna", labels: { env: "staging" } }, spec: { count: 3 } };
const session = { parties: ["joe", "ann"] };
const scope = { user, resource, session };

Deno.test("conditions compare fields and texts", () => {
  const cases: [string, boolean][] = [
    ['contains(user.spec.traits["groups"], "ops")', true],
    ["contains(user.spec.traits.groups, 'opsx')", false],
    ["contains(session.parties, user.metadata.name)", true],
    ['equals(resource.metadata.labels["env"], "staging")', true],
    ['equals(resource.metadata.labels["env"], "Staging")', false],
    ['equals(resource.spec.count, "3")', true],
    ['equals(user.metadata.name, "joe") && !equals(resource.metadata.name, "terra")', true],
    ['equals("a", "b") || equals("a", "a")', true],
    ['equals("a", "b") || equals("a", "a") && equals("a", "b")', false],
    ['(equals("a", "a") || equals("a", "b")) && equals("c", "c")', true],
    ['!!equals("a", "a")', true],
    ['equals("say \\"hi\\" \\\\", "say \\"hi\\" \\\\")', true],
    ["equals(user.spec.traits.groups, user.spec.traits.groups)", true],
    ["equals(user.spec.traits.groups, user.spec.traits.team)", false],
  ];
  for (const [text, expected] of cases) assertEquals(parseWhere(text)(scope), expected, text);
});

Deno.test("a field that is not there is an empty text, and no text is contained in nothing", () => {
  const cases: [string, boolean][] = [
    ['equals(user.spec.nothing.deeper["x"], "")', true],
    ['contains(user.spec.traits["nope"], "")', false],
    ['contains(user.spec.traits["nope"], "ops")', false],
    ['equals(user.constructor.name, "")', true],
    ['equals(user["__proto__"]["x"], "")', true],
    ['equals(user.spec.traits.groups.length, "")', true],
  ];
  for (const [text, expected] of cases) assertEquals(parseWhere(text)(scope), expected, text);
});

Deno.test("what depends on a resource that is not known is neither true nor false", () => {
  const cases: [string, boolean | undefined][] = [
    ['equals(resource.metadata.name, "luna")', undefined],
    ['!equals(resource.metadata.name, "luna")', undefined],
    ['equals(resource.metadata.name, "luna") || equals("a", "a")', true],
    ['equals(resource.metadata.name, "luna") && equals("a", "b")', false],
    ['equals(resource.metadata.name, "luna") && equals("a", "a")', undefined],
    ['contains(session.parties, "joe")', undefined],
  ];
  for (const [text, expected] of cases) assertEquals(parseWhere(text)({ user }), expected, text);
});

Deno.test("a mistake is named with its place", () => {
  const cases: [string, string][] = [
    ["", "character 1: expected contains"],
    ['equals("a" "b")', 'character 12: "," is missing'],
    ['equals("a", "b"', 'character 16: ")" is missing'],
    ['  exec("rm")', "character 3: expected contains"],
    ["equals(process.env, 'x')", "character 8: expected a text in quotes or a field of user"],
    ['equals(user, "x")', "character 12: which field of user?"],
    ['equals("a", "b") # no', "character 18: this is not understood"],
    ['equals("a", "b") equals("a", "b")', 'character 18: "equals" is not expected here'],
    ['equals("a, "b")', "character 14: this is not understood"],
    ['equals("a', "character 8: this is not understood"],
    ["equals(user.spec[groups], 'x')", "character 18: a text in quotes is missing"],
  ];
  for (const [text, problem] of cases) assertThrows(() => parseWhere(text), AppError, problem, text);
});

Deno.test("length and depth are bounded", () => {
  assertThrows(() => parseWhere(`equals("${"a".repeat(2000)}", "")`), AppError, "1024 characters");
  assertThrows(() => parseWhere(`${"(".repeat(20)}equals("a", "a")${")".repeat(20)}`), AppError, "nested");
  assertThrows(() => parseWhere(`${"!".repeat(1000)}equals("a", "a")`), AppError, "nested");
  assertEquals(parseWhere(Array(50).fill('equals("a", "a")').join("&&"))(scope), true);
});

Deno.test("no text makes the parser fail in another way than by refusing, and what it takes can be asked", () => {
  const word = fc.constantFrom(
    ...[
      "contains",
      "equals",
      "(",
      ")",
      "[",
      "]",
      ",",
      ".",
      "!",
      "&&",
      "||",
      '"x"',
      "'y'",
      "user",
      "resource",
    ],
    ...["session", "metadata", "name", " ", '"', "\\"],
  );
  const text = fc.oneof(fc.string(), fc.array(word, { maxLength: 30 }).map((words) => words.join("")));
  fc.assert(
    fc.property(text, (source) => {
      let condition;
      try {
        condition = parseWhere(source);
      } catch (error) {
        if (error instanceof AppError && error.code === "bad_input") return;
        throw error;
      }
      for (const known of [scope, { user }, {}]) {
        const answer = condition(known);
        if (answer !== undefined && typeof answer !== "boolean") throw new Error(`${source}: ${answer}`);
      }
    }),
    { numRuns: 3000 },
  );
});
