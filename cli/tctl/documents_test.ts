import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../src/base/errors.ts";
import { checkDocuments, readDocuments } from "./documents.ts";

const trees = (text: string) => readDocuments(text, "f").map(({ tree }) => tree);

Deno.test("a file holds any number of documents, each of them YAML, JSON or a list of documents", () => {
  assertEquals(trees(""), []);
  assertEquals(trees("# nothing\n---\n...\n---\n# still nothing\n"), []);
  assertEquals(trees("a: 1"), [{ a: "1" }]);
  assertEquals(trees("%YAML 1.2\n---\na: 1\n...\n--- {b: 2}\n---\n\n# c\nc: 3\n"), [{ a: "1" }, { b: "2" }, {
    c: "3",
  }]);
  assertEquals(trees("- a: 1\n- b: 2\n"), [{ a: "1" }, { b: "2" }]);
  assertEquals(trees('\ufeff{"a": 1,\n\t"b": "x\\ty"}'), [{ a: "1", b: "x\ty" }]);
  assertEquals(trees("a: |\n  one\n  ---\n  two\nb: x---\n"), [{ a: "one\n---\ntwo\n", b: "x---" }]);
  assertEquals(trees("a: 0123\r\n---\r\nb: no\r\n"), [{ a: "0123" }, { b: "no" }]);
});

Deno.test("a problem is told with the line of the file, in every document", () => {
  const user = (roles: string) => `kind: user\nversion: v2\nmetadata: {name: joe}\nspec: {roles: ${roles}}\n`;
  const error = assertThrows(
    () =>
      checkDocuments(
        `${user("[a]")}---\n\n${user("none")}--- {kind: usr}\n---\n- ${user("1").replaceAll("\n", "\n  ")}`,
        "f",
      ),
    AppError,
  );
  assertEquals(error.message.split("\n"), [
    "f:10:8: document 2: spec.roles: expected a list",
    'f:11:6: document 3: kind: "usr" is not supported; did you mean "user"?',
    "f:16:10: document 4: spec.roles: expected a list",
  ]);
  assertThrows(() => checkDocuments("a: 1\n---\nb: [1\n", "f"), AppError, "f:4");
  assertThrows(() => checkDocuments("a: 1\n---\n\tb: 1\n", "f"), AppError, "f:3:1: a tab");
});

Deno.test("of very many problems the first ones are told", () => {
  const text = Array.from({ length: 100 }, () => "kind: x\n").join("---\n");
  const error = assertThrows(() => checkDocuments(text, "f"), AppError);
  assertEquals(error.message.split("\n").length, 21);
  assertEquals(error.message.split("\n").at(-1), "and 80 more problems");
});
