import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../base/errors.ts";
import { parseYaml } from "./yaml_tree.ts";

Deno.test("parseYaml keeps every scalar as it was written", () => {
  const text = "a: yes\nb: 2020-01-01\nc: 0123\nd: 1.10\ne:\nf: ~\ng: ''\nh: [1, {i: 0x1f}]\n";
  assertEquals(parseYaml(text, "f"), {
    a: "yes",
    b: "2020-01-01",
    c: "0123",
    d: "1.10",
    e: null,
    f: null,
    g: "",
    h: ["1", { i: "0x1f" }],
  });
});

Deno.test("parseYaml refuses tabs in the indentation and names the line", () => {
  assertThrows(() => parseYaml("a:\n\tb: 1\n", "t.yaml"), AppError, "t.yaml:2:1: a tab");
  assertThrows(() => parseYaml("a:\n  \tb: 1\n", "t.yaml"), AppError, "t.yaml:2:3: a tab");
  assertThrows(() => parseYaml("a:\n-\tb: 1\n", "t.yaml"), AppError, "t.yaml:2:2: a tab");
  assertEquals(parseYaml("a:\tb\n\t\n", "t.yaml"), { a: "b" });
});

Deno.test("parseYaml refuses cycles, alias bombs and deep nesting", () => {
  assertThrows(() => parseYaml("a: &x [*x]", "t"), AppError, "alias holds itself");
  assertThrows(() => parseYaml("a: &x {b: *x}", "t"), AppError, "alias holds itself");
  const bomb = ["l0: &l0 [x]"];
  for (let i = 1; i < 20; i++) bomb.push(`l${i}: &l${i} [${`*l${i - 1},`.repeat(9)}*l${i - 1}]`);
  assertThrows(() => parseYaml(bomb.join("\n"), "t"), AppError, "once its aliases are written out");
  assertThrows(() => parseYaml("[".repeat(100_000), "t"), AppError, "nested too deeply");
});

Deno.test("parseYaml says where the syntax is wrong and does not quote the file", () => {
  const error = assertThrows(() => parseYaml("auth_token: s3cret\nauth_token: s3cret\n", "t.yaml"), AppError);
  assertEquals(error.message.startsWith("t.yaml:2:1: not valid YAML"), true, error.message);
  assertEquals(error.message.includes("s3cret"), false);
});

Deno.test("parseYaml keeps a key __proto__ as an ordinary key", () => {
  assertEquals(Object.keys(parseYaml("__proto__: {a: b}", "t") ?? {}), ["__proto__"]);
});

Deno.test("parseYaml fails with nothing but AppError", () => {
  const char = fc.constantFrom(..."ab:-[]{}&*!|>'\"%@#,? \n\t~\u0000\ufeff");
  fc.assert(fc.property(fc.oneof(fc.string({ unit: char, maxLength: 60 }), fc.string()), (text) => {
    try {
      parseYaml(text, "t");
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});
